// SPDX-License-Identifier: MIT
// Keep a ticket for each flag of a society in helpdesk.json: node helpdesk.mjs SOCIETY HOST PORT.

import {run, Table} from "./link.mjs";

const tickets = new Table("helpdesk.json");
const heard = new Set();

run({
  role: "helpdesk",
  topics: "events",
  wish() {
    heard.clear(); // every open flag is retained: there is nothing to ask for
  },
  take(_topic, said) {
    // An emptied topic says nothing: its last message said that the flag is over.
    if (said?.schema !== "metering.event/1") return;
    heard.add(said.id);
    if ((tickets.get(said.id)?.version ?? 0) > said.version) return;
    const {id, version, state, severity, kind, unit, message} = said;
    tickets.set(id, {version, state, severity, kind, unit, message});
  },
  settle() {
    for (const [id, ticket] of tickets.rows) {
      // It ended while nobody listened: it is not retained any more.
      if (ticket.state === "open" && !heard.has(id)) tickets.set(id, {...ticket, state: "cleared"});
    }
  },
});
