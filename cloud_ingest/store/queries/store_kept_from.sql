-- SPDX-License-Identifier: MIT
-- From when on readings are kept; null: all are.
SELECT kept_from FROM store
