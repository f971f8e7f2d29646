-- SPDX-License-Identifier: MIT
-- Which of some streams have a stored batch.
SELECT wanted.gateway_id, wanted.stream
FROM unnest(%(gateways)s::int[], %(streams)s::uuid[]) AS wanted (gateway_id, stream)
WHERE EXISTS (
  SELECT FROM batch WHERE batch.gateway_id = wanted.gateway_id AND batch.stream = wanted.stream)
