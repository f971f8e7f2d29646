// SPDX-License-Identifier: MIT
// Keep the verified numbers of a society in billing.json: node billing.mjs SOCIETY HOST PORT.
// A quantity that is null was taken back; what is provisional waits for its final number.
// Quantities stay texts: count with a decimal library.

import {run, Table} from "./link.mjs";

const NUMBERS = new Set(["metering.monthly-consumption/1", "metering.monthly-withdrawal/1"]);
const numbers = new Table("billing.json");
const manifests = new Map();
const keyOf = (month, {subject, service}) =>
  JSON.stringify([month, subject.type, subject.id, service]);

function keep(said) {
  const key = keyOf(said.month, said);
  const known = numbers.get(key);
  if (known && known.version >= said.version) return; // it came again, or late
  const {version, quantity = null, unit = null, status = null, quality = null, closed_at} = said;
  numbers.set(key, {version, quantity, unit, status, quality, closed_at});
  if (known) console.log(`corrected: ${key}: ${known.quantity} -> ${quantity}`);
}

function lacking({month, entries, withdrawn}) {
  return [...entries, ...withdrawn].filter(
    (each) => (numbers.get(keyOf(month, each))?.version ?? 0) < each.version,
  ).length;
}

run({
  role: "billing",
  topics: "billing",
  wish() {
    const newest = [...numbers.rows.values()].map((each) => each.closed_at).sort().at(-1);
    return {schema: "metering.billing-request/1", since: newest ?? "1970-01-01T00:00:00Z"};
  },
  take(_topic, said) {
    if (!said) return null;
    let answer = null;
    if (NUMBERS.has(said.schema)) {
      keep(said);
      const {month, subject, service, version} = said;
      answer = {schema: "metering.billing-ack/1", month, subject, service, version};
    } else if (said.schema === "metering.billing-manifest/1") {
      const known = manifests.get(said.month)?.version ?? 1;
      if ((said.version ?? 1) >= known) manifests.set(said.month, said);
    } else {
      console.log(`passed over: ${said.schema}`);
    }
    const manifest = manifests.get(said.month);
    if (manifest) {
      const {month, entries, withheld} = manifest;
      console.log(
        `${month}: ${entries.length} numbers, ${lacking(manifest)} still to come, ` +
          `${withheld.length} withheld`,
      );
    }
    return answer;
  },
  settle() {}, // what is not retained is asked for
});
