-- SPDX-License-Identifier: MIT
-- Whether a gateway is enrolled.
SELECT EXISTS (SELECT FROM gateway WHERE name = %s)
