// SPDX-License-Identifier: MIT
// A consumer that knows the contract from docs/reference alone, and none of our code: it takes the
// official AsyncAPI parser for the document and ajv for the schemas. What it holds it writes to a
// file: node late_consumer.mjs REFERENCE SOCIETY HOST PORT LOGIN PASSWORD FILE.

import {createHash} from "node:crypto";
import {readFileSync, readdirSync, renameSync, writeFileSync} from "node:fs";
import {Parser, fromFile} from "@asyncapi/parser";
import Ajv from "ajv/dist/2020.js";
import formats from "ajv-formats";
import mqtt from "mqtt";

const [reference, society, host, port, username, password, file] = process.argv.slice(2);
const WARNING = 1;

const {document, diagnostics} = await fromFile(new Parser(), `${reference}/asyncapi.json`).parse();
const faults = diagnostics.filter(({severity}) => severity <= WARNING);
if (faults.length) throw new Error(JSON.stringify(faults));

const ajv = new Ajv({strict: true, keywords: ["x-meanings"]});
formats(ajv);
const schemas = new Map(
  readdirSync(`${reference}/schemas`).map((name) => [
    name.replace(".json", ""),
    ajv.compile(JSON.parse(readFileSync(`${reference}/schemas/${name}`))),
  ]),
);

const contract = new Map(); // by the schema that a message names
for (const operation of document.allOperations()) {
  const [channel] = operation.channels().all();
  for (const message of operation.messages().all()) {
    contract.set(message.title(), {
      name: message.name(),
      channel: channel.id(),
      address: channel.address().replace("{society}", encodeURIComponent(society)),
      delivery: operation.json("x-delivery"),
      isSent: operation.isSend(),
      examples: message.examples().all().map((each) => each.payload()),
    });
  }
}

function valid(said) {
  const known = contract.get(said.schema);
  const check = schemas.get(known.name);
  if (!check(said)) throw new Error(`${known.name}: ${JSON.stringify(check.errors)}`);
  return known;
}

const ACK = "metering.billing-ack/1";
const REQUEST = "metering.billing-request/1";
const WANTED = ["monthly-consumption", "billing-manifest", "reconciliation", "event"];
const held = new Map(); // by channel and identity: what has the highest version
const topics = new Map(); // which of them a topic holds

function take(topic, payload) {
  if (!payload.length) {
    held.delete(topics.get(topic));
    return null;
  }
  const said = JSON.parse(payload);
  if (!contract.has(said.schema)) return null;
  const {channel, delivery, name} = valid(said);
  const key = JSON.stringify([channel, ...delivery.identity.map((field) => said[field])]);
  const version = said[delivery.version];
  if (!(held.get(key)?.version >= version)) {
    const sha256 = createHash("sha256").update(payload).digest("hex");
    held.set(key, {name, version, sha256, said});
    topics.set(topic, key);
  }
  if (!delivery.redelivery.includes("billing-ack")) return null;
  const fields = [...delivery.identity, delivery.version];
  return {schema: ACK, ...Object.fromEntries(fields.map((field) => [field, said[field]]))};
}

const client = mqtt.connect({protocol: "mqtt", protocolVersion: 5, host, port: Number(port), username, password});
client.on("error", (error) => {
  throw error;
});
const say = (word) => {
  const {address, isSent} = valid(word);
  if (isSent) throw new Error(`${word.schema} is what the cloud sends`);
  client.publish(address, JSON.stringify(word), {qos: 1});
};
client.handleMessage = ({topic, payload}, done) => {
  const answer = take(topic, payload);
  writeFileSync(`${file}.new`, JSON.stringify([...held.values()]));
  renameSync(`${file}.new`, file);
  if (answer) say(answer);
  done();
};
client.on("connect", async () => {
  const filters = [...contract.values()].filter(({name}) => WANTED.includes(name));
  for (const {address} of filters) {
    await client.subscribeAsync(address.replace(/\{[^}]+\}/g, "+"), {qos: 1});
  }
  const shown = contract.get(REQUEST).examples.find((each) => each.since);
  say({...shown, society, since: "1970-01-01T00:00:00Z"});
});
