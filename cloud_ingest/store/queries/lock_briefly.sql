-- SPDX-License-Identifier: MIT
-- Rather be refused than stand in the way of readers and writers.
SET LOCAL lock_timeout = '5s'
