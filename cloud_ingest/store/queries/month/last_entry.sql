-- SPDX-License-Identifier: MIT
-- The place of the last entry that this snapshot sees, in the order of entries; 0: there is none.
SELECT coalesce(max(place), 0) FROM (
  SELECT max(entry_order) AS place FROM ruling
  UNION ALL SELECT max(entry_order) FROM self_read
  UNION ALL SELECT max(entry_order) FROM epoch
  UNION ALL SELECT max(entry_order) FROM dial_reading
  UNION ALL SELECT max(greatest(entry_order, superseded_order)) FROM assignment_version
  UNION ALL SELECT max(entry_order) FROM election WHERE new_origin = 0
  UNION ALL SELECT max(entry_order) FROM number_word
) AS every
