-- SPDX-License-Identifier: MIT
-- The longest stored run of a stream that is remembered.
SELECT first_seq, last_seq FROM stream_range
WHERE gateway_id = %(gateway_id)s AND stream = %(stream)s
