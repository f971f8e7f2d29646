-- SPDX-License-Identifier: MIT
-- What each column of the reports means: for \d+ of psql, and for docs/reference/views.md.
-- beside: 0048

COMMENT ON COLUMN metering_report.society.society_id IS 'its number in this store';
COMMENT ON COLUMN metering_report.society.society IS 'its name';

COMMENT ON COLUMN metering_report.gateway.society IS 'the society that it speaks for';
COMMENT ON COLUMN metering_report.gateway.gateway IS 'its name: the common name of its certificate';
COMMENT ON COLUMN metering_report.gateway.tower IS 'the tower that it was enrolled for; null: none was said';
COMMENT ON COLUMN metering_report.gateway.state IS 'online or offline, as it was heard last; null: never';
COMMENT ON COLUMN metering_report.gateway.heard_at IS 'when it was heard last, by the server''s clock';
COMMENT ON COLUMN metering_report.gateway.lost_at IS 'when its last outage began; before the first: its enrolment';
COMMENT ON COLUMN metering_report.gateway.back_at IS 'when that outage ended; null: it is away';

COMMENT ON COLUMN metering_report.meter.society IS 'the society that it hangs in';
COMMENT ON COLUMN metering_report.meter.meter_id IS 'its number in this store: joins the other views';
COMMENT ON COLUMN metering_report.meter.manufacturer IS 'its maker, as read from it';
COMMENT ON COLUMN metering_report.meter.serial IS 'its serial number, as read from it';
COMMENT ON COLUMN metering_report.meter.gateway IS 'which gateway gave its newest reading; null: none yet';
COMMENT ON COLUMN metering_report.meter.last_reading_at IS 'time of the newest reading that it gave itself; null: none';

COMMENT ON COLUMN metering_report.assignment.society IS 'the society';
COMMENT ON COLUMN metering_report.assignment.tower IS 'the tower in which the meter hangs';
COMMENT ON COLUMN metering_report.assignment.subject_type IS 'unit, common (an area of all) or bulk (the tower''s own meter)';
COMMENT ON COLUMN metering_report.assignment.subject IS 'whom it serves, as numbers name it: the label, or tower and label';
COMMENT ON COLUMN metering_report.assignment.label IS 'the label alone, as people call it in the tower';
COMMENT ON COLUMN metering_report.assignment.service IS 'electricity or water';
COMMENT ON COLUMN metering_report.assignment.source IS 'which supply: grid, generator, inlet-1; check: a check meter, in no number';
COMMENT ON COLUMN metering_report.assignment.meter_id IS 'the meter; null: the unit is read by hand';
COMMENT ON COLUMN metering_report.assignment.legacy IS 'true: the meter has no data port';
COMMENT ON COLUMN metering_report.assignment.valid_from IS 'since when';
COMMENT ON COLUMN metering_report.assignment.valid_to IS 'up to when; null: it still does';

COMMENT ON COLUMN metering_report.channel.society IS 'the society';
COMMENT ON COLUMN metering_report.channel.channel_id IS 'its number in this store: joins readings, days, months, epochs';
COMMENT ON COLUMN metering_report.channel.meter_id IS 'of which meter';
COMMENT ON COLUMN metering_report.channel.obis IS 'which quantity: its OBIS code';
COMMENT ON COLUMN metering_report.channel.unit IS 'the COSEM number of the unit: 30 Wh, 13 cubic metre, 19 litre, 33 A, 35 V';
COMMENT ON COLUMN metering_report.channel.scaler IS 'value = raw * 10^scaler';
COMMENT ON COLUMN metering_report.channel.weight IS 'pulses were counted, and raw is the count times this; 1: raw is what the meter says';
COMMENT ON COLUMN metering_report.channel.kind IS 'register (counts up), interval (of one period), instantaneous, status';
COMMENT ON COLUMN metering_report.channel.period_s IS 'shortest capture period seen; 0 while only read when asked';

COMMENT ON COLUMN metering_report.epoch.society IS 'the society';
COMMENT ON COLUMN metering_report.epoch.channel_id IS 'of which register';
COMMENT ON COLUMN metering_report.epoch.starts_at IS 'from when on';
COMMENT ON COLUMN metering_report.epoch.offset_raw IS 'what is added to raw; of the rows of one time the newest recorded counts';
COMMENT ON COLUMN metering_report.epoch.reason IS 'why: rollover, reset';
COMMENT ON COLUMN metering_report.epoch.recorded_at IS 'when it was said';

COMMENT ON COLUMN metering_report.reading.society IS 'the society';
COMMENT ON COLUMN metering_report.reading.channel_id IS 'of which channel';
COMMENT ON COLUMN metering_report.reading.ts IS 'the moment; of a profile the end of its period, as the meter stamped it';
COMMENT ON COLUMN metering_report.reading.raw IS 'the integer as the meter said it: value = raw * 10^scaler';
COMMENT ON COLUMN metering_report.reading.status IS 'the meter''s status word with it; null: none';
COMMENT ON COLUMN metering_report.reading.origin IS '0 edit, 1 meter, 2 self-read, 3 imported from an earlier system';

COMMENT ON COLUMN metering_report.reading_day.society IS 'the society';
COMMENT ON COLUMN metering_report.reading_day.channel_id IS 'of which channel';
COMMENT ON COLUMN metering_report.reading_day.day IS 'the day in the society''s zone; a reading of 00:00 closes the day before';
COMMENT ON COLUMN metering_report.reading_day.first_raw IS 'its first reading';
COMMENT ON COLUMN metering_report.reading_day.last_raw IS 'its last reading';
COMMENT ON COLUMN metering_report.reading_day.min_ts IS 'when the first was';
COMMENT ON COLUMN metering_report.reading_day.max_ts IS 'when the last was';
COMMENT ON COLUMN metering_report.reading_day.count IS 'how many there are';
COMMENT ON COLUMN metering_report.reading_day.sum_raw IS 'their sum: what intervals add up to';
COMMENT ON COLUMN metering_report.reading_day.min_raw IS 'the least';
COMMENT ON COLUMN metering_report.reading_day.max_raw IS 'the greatest';

COMMENT ON COLUMN metering_report.reading_month.society IS 'the society';
COMMENT ON COLUMN metering_report.reading_month.channel_id IS 'of which channel';
COMMENT ON COLUMN metering_report.reading_month.month IS 'the first day of the month, in the society''s zone';
COMMENT ON COLUMN metering_report.reading_month.first_raw IS 'its first reading; a month''s number is taken from its borders, not from here';
COMMENT ON COLUMN metering_report.reading_month.last_raw IS 'its last reading';
COMMENT ON COLUMN metering_report.reading_month.min_ts IS 'when the first was';
COMMENT ON COLUMN metering_report.reading_month.max_ts IS 'when the last was';
COMMENT ON COLUMN metering_report.reading_month.count IS 'how many there are';
COMMENT ON COLUMN metering_report.reading_month.sum_raw IS 'their sum: what intervals add up to';
COMMENT ON COLUMN metering_report.reading_month.min_raw IS 'the least';
COMMENT ON COLUMN metering_report.reading_month.max_raw IS 'the greatest';

COMMENT ON COLUMN metering_report.month_number.society IS 'the society';
COMMENT ON COLUMN metering_report.month_number.month IS 'the month: 2026-07';
COMMENT ON COLUMN metering_report.month_number.subject_type IS 'unit or common';
COMMENT ON COLUMN metering_report.month_number.subject IS 'whose number it is';
COMMENT ON COLUMN metering_report.month_number.service IS 'electricity or water';
COMMENT ON COLUMN metering_report.month_number.version IS 'the highest of a subject, month and service holds';
COMMENT ON COLUMN metering_report.month_number.quantity IS 'kWh or kL; null: the number was taken back';
COMMENT ON COLUMN metering_report.month_number.quality IS 'how good it is; withdrawn: it was taken back';
COMMENT ON COLUMN metering_report.month_number.since IS 'the first month that a catch-up covers; null: this month alone';
COMMENT ON COLUMN metering_report.month_number.closed_at IS 'when billing was told';

COMMENT ON COLUMN metering_report.flag.society IS 'the society';
COMMENT ON COLUMN metering_report.flag.event_id IS 'its id, from the first message to the last';
COMMENT ON COLUMN metering_report.flag.kind IS 'what was noticed: leak, read_failure and others';
COMMENT ON COLUMN metering_report.flag.severity IS 'watch or alarm';
COMMENT ON COLUMN metering_report.flag.subject_type IS 'what it is about: unit, meter, gateway, tower, society';
COMMENT ON COLUMN metering_report.flag.subject IS 'about which';
COMMENT ON COLUMN metering_report.flag.service IS 'electricity, water, or all';
COMMENT ON COLUMN metering_report.flag.tower IS 'its tower; null: none';
COMMENT ON COLUMN metering_report.flag.unit_type IS 'unit, common or tower; null: it is about no unit';
COMMENT ON COLUMN metering_report.flag.unit IS 'the unit that it is about, whatever the subject is';
COMMENT ON COLUMN metering_report.flag.state IS 'open or cleared';
COMMENT ON COLUMN metering_report.flag.since IS 'when the thing itself began, as far as the readings tell';
COMMENT ON COLUMN metering_report.flag.raised_at IS 'when the rules raised it';
COMMENT ON COLUMN metering_report.flag.cleared_at IS 'when it ended; null: it is open';
COMMENT ON COLUMN metering_report.flag.acknowledged_by IS 'who looks into it; null: nobody has said so';
COMMENT ON COLUMN metering_report.flag.acknowledged_at IS 'since when';
COMMENT ON COLUMN metering_report.flag.message IS 'one sentence for a person';
