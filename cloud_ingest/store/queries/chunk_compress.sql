-- SPDX-License-Identifier: MIT
-- Compress a chunk, or what came into it since.
SELECT compress_chunk(%s::regclass, if_not_compressed => true)
