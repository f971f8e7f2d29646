-- SPDX-License-Identifier: MIT
-- What a society is called.
SELECT name FROM society WHERE society_id = %s
