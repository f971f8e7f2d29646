-- SPDX-License-Identifier: MIT
-- Remember what a dial showed beside its module, who says so and why.
INSERT INTO dial_reading (society_id, assignment_id, meter_id, read_at, dial, register, deviation,
                          reason, entered_by, entered_at)
VALUES (%(society_id)s, %(assignment_id)s, %(meter_id)s, %(read_at)s, %(dial)s, %(register)s,
        %(deviation)s, %(reason)s, %(entered_by)s, %(now)s)
