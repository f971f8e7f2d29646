-- SPDX-License-Identifier: MIT
-- By how much a meter may err, as its accuracy class says it.
-- beside: 0056

ALTER TABLE meter_version ADD COLUMN accuracy_class text;
COMMENT ON COLUMN meter_version.accuracy_class IS
  'such as 0.5S, 1 or 2: by so many percent of what it counts it may err';
