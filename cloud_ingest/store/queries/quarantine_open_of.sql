-- SPDX-License-Identifier: MIT
-- Whether a gateway has open entries of given reasons.
SELECT EXISTS (
  SELECT FROM quarantine WHERE gateway = %(gateway)s AND reason = ANY (%(reasons)s) AND state = 'open')
