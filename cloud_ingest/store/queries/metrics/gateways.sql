-- SPDX-License-Identifier: MIT
-- What each gateway said of itself last, and when its certificate ends. Not those whose keys were all
-- taken back.
SELECT society.name AS society, gateway.name AS gateway,
       coalesce(heard_at, gateway.enrolled_at) AS heard_at,
       coalesce(state = 'online', false) AS online,
       (payload ->> 'spooled')::bigint AS waiting_batches,
       (payload ->> 'oldest_waiting_at')::timestamptz AS oldest_waiting_at,
       (payload #>> '{machine,disk_free_bytes}')::bigint AS disk_free_bytes,
       (payload #>> '{machine,disk_total_bytes}')::bigint AS disk_bytes,
       (payload ->> 'spool_bytes')::bigint AS spool_bytes,
       (payload #>> '{machine,memory_bytes}')::bigint AS memory_bytes,
       (payload #>> '{machine,agent_up_s}')::bigint AS agent_up_s,
       (payload ->> 'clock_synchronised')::boolean AS clock_synchronised,
       coalesce((payload ->> 'clock_jump_s')::float8, 0) AS clock_jump_s,
       coalesce((payload ->> 'certificate_ends_at')::timestamptz, (
         SELECT max(expires_at) FROM gateway_certificate
         WHERE gateway_certificate.gateway_id = gateway.gateway_id)) AS certificate_ends_at,
       (payload ->> 'meters')::bigint AS meters,
       (payload ->> 'meters_answering')::bigint AS meters_answering
FROM gateway JOIN society USING (society_id) LEFT JOIN gateway_status USING (gateway_id)
WHERE EXISTS (SELECT FROM gateway_key
              WHERE gateway_key.gateway_id = gateway.gateway_id AND revocation_id IS NULL)
