-- SPDX-License-Identifier: MIT
-- Let no role but the owner see a row of another society, or call a function, unless it is granted.
DO $$
DECLARE name text;
BEGIN
  FOR name IN
    SELECT attrelid::regclass::text
    FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
    WHERE relnamespace = 'metering'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
      AND attname = 'society_id' AND NOT attisdropped AND NOT relrowsecurity
      AND pg_has_role(relowner, 'USAGE')
  LOOP
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', name);
    EXECUTE format(
      'CREATE POLICY own_society ON %s FOR SELECT USING (society_id = ANY ('
      'ARRAY(SELECT society.society_id FROM metering_report.society)))', name);
  END LOOP;
  REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA metering FROM PUBLIC;
  GRANT SELECT ON metering_report.society TO PUBLIC;  -- the policies ask it, for whoever asks them
END
$$
