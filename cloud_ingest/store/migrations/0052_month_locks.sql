-- SPDX-License-Identifier: MIT
-- Months that were approved, and opened again: by whom, when, why, and what was seen.
-- beside: 0049

CREATE TABLE month_lock (
  month_lock_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  society_id int NOT NULL REFERENCES society,
  month text NOT NULL,
  kind text NOT NULL CHECK (kind IN ('approve', 'reopen')),
  author text NOT NULL,
  reason text NOT NULL,
  manifest_version int NOT NULL,
  manifest_sha256 text NOT NULL,
  recorded_at timestamptz NOT NULL
);
CREATE INDEX month_lock_month ON month_lock (society_id, month, month_lock_id);
COMMENT ON TABLE month_lock IS 'approvals of months and their reopenings; of a month the newest counts';
COMMENT ON COLUMN month_lock.reason IS 'why it was opened again, or approved despite what it lacks; else empty';
COMMENT ON COLUMN month_lock.manifest_version IS 'of the manifest that was seen';
COMMENT ON COLUMN month_lock.manifest_sha256 IS 'of its bytes, in hex';
