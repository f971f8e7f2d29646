// SPDX-License-Identifier: MIT
// The link of a consumer to the broker: MQTT 5 over TLS with a certificate, and one subscription.
// It runs beside ca.pem, and the certificate and key of its login: LOGIN.pem, LOGIN.key.

import {closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync} from "node:fs";
import mqtt from "mqtt";

const QUIET_MS = 5000; // so long after the subscription all that the broker retains is here

/** A table on the disk: what `set` was given stands after its return. */
export class Table {
  constructor(path) {
    this.path = path;
    try {
      this.rows = new Map(JSON.parse(readFileSync(path, "utf8")));
    } catch (error) {
      if (error.code !== "ENOENT") throw error;
      this.rows = new Map();
    }
  }

  get(key) {
    return this.rows.get(key);
  }

  set(key, row) {
    this.rows.set(key, row);
    const file = openSync(`${this.path}.new`, "w");
    writeSync(file, JSON.stringify([...this.rows]));
    fsyncSync(file);
    closeSync(file);
    renameSync(`${this.path}.new`, this.path);
  }
}

/** Serve until the process ends: PROGRAM SOCIETY HOST PORT [LOGIN], by default its role. */
export function run({role, topics, wish, take, settle}) {
  const [society, host, port, login = role] = process.argv.slice(2);
  const root = `metering/v1/society/${encodeURIComponent(society)}`;
  const client = mqtt.connect({
    protocol: "mqtts",
    protocolVersion: 5,
    host,
    port: Number(port),
    clientId: `${login}-${role}`,
    minVersion: "TLSv1.3",
    ca: readFileSync("ca.pem"),
    cert: readFileSync(`${login}.pem`),
    key: readFileSync(`${login}.key`),
  });
  const say = (word) => {
    if (word) client.publish(`${root}/billing-acks`, JSON.stringify({...word, society}), {qos: 1});
  };
  client.on("error", (error) => {
    console.error(`the broker refuses us: ${error.message}`);
    process.exit(1);
  });
  let quiet;
  client.on("close", () => clearTimeout(quiet));
  client.on("connect", async () => {
    const asked = wish(); // retained messages may come before the answer to subscribing
    await client.subscribeAsync(`${root}/${topics}/#`, {qos: 1});
    say(asked);
    quiet = setTimeout(settle, QUIET_MS);
  });
  // The broker's acknowledgement waits for this: a message that was not kept comes again.
  client.handleMessage = ({topic, payload}, done) => {
    try {
      say(take(topic, payload.length ? JSON.parse(payload) : null));
      done();
    } catch (error) {
      console.error(error);
      process.exit(1);
    }
  };
}
