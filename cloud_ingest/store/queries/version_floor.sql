-- SPDX-License-Identifier: MIT
-- The least version that a monthly number gets.
SELECT version_floor FROM store
