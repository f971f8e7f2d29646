-- SPDX-License-Identifier: MIT
-- Whether a day before another waits to be rolled up.
SELECT EXISTS (SELECT FROM dirty WHERE day < %s)
