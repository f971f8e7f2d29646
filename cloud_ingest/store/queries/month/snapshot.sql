-- SPDX-License-Identifier: MIT
-- Let every query of this transaction see one moment.
SET TRANSACTION ISOLATION LEVEL REPEATABLE READ
