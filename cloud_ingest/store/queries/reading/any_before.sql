-- SPDX-License-Identifier: MIT
-- Whether anything is kept of before a time.
SELECT EXISTS (SELECT FROM reading WHERE ts <= %(start)s)
