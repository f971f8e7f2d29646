-- SPDX-License-Identifier: MIT
-- Empty it for what may follow in the same transaction.
DELETE FROM incoming
