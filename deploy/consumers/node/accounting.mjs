// SPDX-License-Identifier: MIT
// Keep the balance of each tower in accounting.json: node accounting.mjs SOCIETY HOST PORT.

import {run, Table} from "./link.mjs";

const balances = new Table("accounting.json");
const heard = new Set();

function takeBack(topic) {
  const known = balances.get(topic);
  if (known) balances.set(topic, {...known, stands: false});
}

run({
  role: "accounting",
  topics: "reconciliation",
  wish() {
    heard.clear(); // every reconciliation is retained: there is nothing to ask for
  },
  take(topic, said) {
    if (!said) return takeBack(topic); // the tower has nothing to balance any more
    if (said.schema !== "metering.reconciliation/1") return null;
    heard.add(topic);
    const {version = 1, month, tower, service, bulk, units, common, loss, unit} = said;
    if ((balances.get(topic)?.version ?? 0) > version) return null;
    balances.set(topic, {
      version, month, tower, service, bulk, units, common, loss, unit, stands: true,
    });
    return null;
  },
  settle() {
    for (const topic of balances.rows.keys()) if (!heard.has(topic)) takeBack(topic);
  },
});
