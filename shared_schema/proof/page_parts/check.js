// SPDX-License-Identifier: MIT
// The verdict on a proof, as check.py gives it, step by step. SCHEMAS are those of its models, and
// each bound and unit is the contract's: page.py writes them before this.
"use strict";

const read = (name, text) => shaped(SCHEMAS[name], parseJson(text), SCHEMAS[name].$defs ?? {});

function readLine(name, text) {
  try { return read(name, text); } catch (error) {
    if (error instanceof NotAProof) return null;
    throw error;
  }
}

function readProof(bytes) {
  if (bytes.length > MAX_PROOF_BYTES) throw new NotAProof("too large");
  let text;
  try {
    text = new TextDecoder("utf-8", {fatal: true, ignoreBOM: true}).decode(bytes);
  } catch { throw new NotAProof("not UTF-8"); }
  return read("Proof", text);
}

// Exact numbers: n / 10^s.
function amount(text) {
  const [whole, part = ""] = text.split(".");
  return {n: BigInt(whole + part), s: part.length};
}
const scaled = (raw, exponent) => exponent < 0
  ? {n: raw, s: -exponent} : {n: raw * 10n ** BigInt(exponent), s: 0};
function aligned(a, b) {
  const s = Math.max(a.s, b.s);
  return [a.n * 10n ** BigInt(s - a.s), b.n * 10n ** BigInt(s - b.s), s];
}
const plus = (a, b) => { const [x, y, s] = aligned(a, b); return {n: x + y, s}; };
const minus = (a, b) => plus(a, {n: -b.n, s: b.s});
const isSame = (a, b) => { const [x, y] = aligned(a, b); return x === y; };
const isUpTo = (a, b) => { const [x, y] = aligned(a, b); return x <= y; };
const ZERO = {n: 0n, s: 0};

const utf8 = (text) => new TextEncoder().encode(text);
const fromHex = (text) => Uint8Array.from(text.match(/../g), (pair) => parseInt(pair, 16));
async function sha256(bytes) {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
const fingerprintOf = (key) => sha256(fromHex(key.public_key));
const order = (moment) => moment.slice(0, -1);
const whole = (reading) => plus(amount(reading.register), amount(reading.adds));
const nameOf = (text) => text.normalize("NFC");

async function isSigned(header, signature, publicKey) {
  try {
    const key = await crypto.subtle.importKey(
      "raw", fromHex(publicKey), {name: "Ed25519"}, false, ["verify"]);
    return await crypto.subtle.verify({name: "Ed25519"}, key, signature, utf8(header));
  } catch { return false; }
}

async function canVerify() {
  try {
    const point = fromHex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
    await crypto.subtle.importKey("raw", point, {name: "Ed25519"}, false, ["verify"]);
    return true;
  } catch { return false; }
}

async function numberOf(proof) {
  const number = proof.number;
  if (number === null || await sha256(utf8(number.message)) !== number.sha256) return null;
  return readLine("SentNumber", number.message);
}

function* readingsOf(proof) {
  for (const [index, part] of proof.parts.entries()) {
    for (const side of ["opening", "closing"]) {
      const path = `parts.${index}.${side}`, border = part[side];
      yield [path, border];
      for (const name of ["before", "after"]) {
        if (border[name] !== null) yield [`${path}.${name}`, border[name]];
      }
    }
  }
  for (const [index, reading] of proof.others.entries()) yield [`others.${index}`, reading];
}

async function check(proof, trusted = new Set()) {
  const checks = [], blocks = new Map(), channels = new Map(), keyOf = (header) =>
    proof.keys.find((key) => key.gateway === header.gateway && key.key === header.key);
  const add = (name, about, holds) => checks.push({name, about, holds: Boolean(holds)});
  const borders = proof.parts.flatMap((part) => [part.opening, part.closing]);

  const sent = await numberOf(proof);
  if (proof.state !== "published") {
    add("number", "", proof.number === null && !proof.parts.length);
  } else {
    add("number", "", sent !== null);
    if (sent !== null) checkSent(proof, sent, add);
  }

  for (const [index, key] of proof.keys.entries()) {
    add("key", `keys.${index}`, (await fingerprintOf(key)).slice(0, 16) === key.key);
  }
  const headers = [], steps = new Map();
  const named = (key) => `${key.gateway} ${key.public_key}`;
  for (const [index, batch] of proof.batches.entries()) {
    const header = await verifiedHeader(batch, keyOf);
    headers.push(header);
    add("signature", `batches.${index}`, header !== null);
    for (const [place, line] of batch.blocks.entries()) {
      const holds = header !== null && header.blocks.includes(await sha256(utf8(line)));
      add("block", `batches.${index}.blocks.${place}`, holds);
      if (!holds) continue;
      blocks.set(`${index} ${place}`, readLine("SignedBlock", line));
      const next = readLine("SignedKeyChange", line);
      if (next !== null) {
        const successor = `${header.gateway} ${next.successor}`;
        steps.set(`batches.${index}.blocks.${place}`, {key: named(keyOf(header)), successor});
      }
    }
  }
  const signed = headers.filter((header) => header !== null)
    .map((header) => ({key: named(keyOf(header)), stream: header.stream, seq: header.seq}));
  const held = holdingSteps([...steps.values()], new Set(proof.keys.map(named)), signed);
  [...steps.keys()].forEach((about, index) => add("step", about, held[index]));

  for (const [path, reading] of readingsOf(proof)) {
    const column = signedColumn(proof, reading, blocks);
    if (reading.signed !== null || reading.unsigned === null) {
      add("reading", path, column !== null);
    }
    if (proof.epochs.length || amount(reading.adds).n !== 0n) {
      const isSo = isSame(amount(reading.adds), epochsAdd(proof, reading));
      add("epochs", path, isSo && isOfChannel(reading, column, channels));
    }
  }

  if (sent !== null && sent.parts.length === proof.parts.length) count(proof, sent, add);

  const prints = await Promise.all(proof.keys.map(fingerprintOf));
  const given = proof.keys.filter((_, index) => trusted.has(prints[index]));
  const tied = followedKeys(given.map(named), [...steps.values()]);
  if (trusted.size) {
    const isNothing = borders.length && borders.every((border) => border.signed === null);
    const told = [...headers.keys()].filter((index) => !proof.batches[index].blocks.every(
      (_, place) => steps.has(`batches.${index}.blocks.${place}`)));
    if (!told.length || isNothing) add("trust", "", false);
    for (const index of told) {
      const header = headers[index];
      add("trust", `batches.${index}`, header !== null && tied.has(named(keyOf(header))));
    }
  }

  return {
    state: stateOf(checks, trusted),
    checks,
    claims: claimsOf(proof, sent),
    borders: borders.length,
    signedBorders: borders.filter((border) => border.signed !== null).length,
    followers: [...proof.keys.keys()].filter(
      (index) => tied.has(named(proof.keys[index])) && !trusted.has(prints[index])),
  };
}

function stateOf(checks, trusted) {
  const failing = checks.filter((each) => !each.holds);
  if (failing.some((each) => each.name !== "trust")) return "spoilt";
  if (!trusted.size) return "consistent";
  return failing.length ? "untied" : "tied";
}

function checkSent(proof, sent, add) {
  const unit = UNITS[proof.service];
  add("subject", "", sent.society === proof.society && sent.month === proof.month
    && sent.subject.type === proof.subject.type && sent.subject.id === proof.subject.id
    && sent.service === proof.service && sent.unit === unit && proof.unit === unit
    && (sent.since ?? sent.month) <= sent.month);
  const isBorder = (part, said, border) => part.meter.manufacturer === border.meter.manufacturer
    && part.meter.serial === border.meter.serial && part.obis === border.obis
    && said.at === border.at && said.origin === border.origin
    && isSame(amount(said.register), amount(border.register));
  const isOfPart = (part, index) => part.obis === BILLED[proof.service]
    && isBorder(part, part.opening, proof.parts[index].opening)
    && isBorder(part, part.closing, proof.parts[index].closing);
  add("parts", "", sent.parts.length > 0 && sent.parts.length === proof.parts.length
    && sent.parts.every(isOfPart));
}

async function verifiedHeader(batch, keyOf) {
  const header = readLine("SignedHeader", batch.header);
  const line = readLine("SignatureOf", batch.signature);
  const key = header && line && keyOf(header);
  if (!key) return null;
  const signature = Uint8Array.from(atob(line.signature), (each) => each.charCodeAt(0));
  return await isSigned(batch.header, signature, key.public_key) ? header : null;
}

function isOfChannel(reading, column, channels) {
  if (column === null) return true;
  const {manufacturer, serial} = reading.meter, {unit, scaler, weight} = column;
  const counted = [manufacturer, serial, unit, scaler, weight].map((each) => nameOf(String(each))).join("\n");
  if (!channels.has(counted)) channels.set(counted, reading.channel);
  return channels.get(counted) === reading.channel;
}

const isSameMeter = (one, other) => nameOf(one.manufacturer) === nameOf(other.manufacturer)
  && nameOf(one.serial) === nameOf(other.serial);

// By what a reading counts, if it is what its row says.
function signedColumn(proof, reading, blocks) {
  const place = reading.signed;
  const block = place && blocks.get(`${place.batch} ${place.block}`);
  if (!block || reading.unsigned !== null || reading.origin !== "meter") return null;
  const row = block.rows[place.row], column = block.columns[place.column];
  if (!row || !column || row.length !== 2 + block.columns.length) return null;
  const ts = row[0], raw = row[2 + Number(place.column)];
  const own = EXPONENTS[`${proof.service} ${column.unit}`], scaler = Number(column.scaler);
  if (own === undefined || Math.abs(scaler) > MAX_SCALER) return null;
  if (raw === null || ts === null || ts < EARLIEST_TS || ts >= LATEST_TS) return null;
  if (raw >= 2n ** 63n || raw <= -(2n ** 63n)) return null;
  const holds = isSameMeter(block.meter, reading.meter)
    && column.obis === reading.obis && column.attribute === 2n
    && reading.at === new Date(Number(ts) * 1000).toISOString().replace(".000Z", "Z")
    && isSame(amount(reading.register), scaled(raw, own + scaler));
  return holds ? column : null;
}

function epochsAdd(proof, reading) {
  let last = null;
  for (const each of proof.epochs) {
    const isBefore = order(each.starts_at) <= order(reading.at);
    if (each.channel === reading.channel && isBefore
      && (last === null || order(each.starts_at) > order(last.starts_at))) last = each;
  }
  return last === null ? ZERO : amount(last.adds);
}

function count(proof, sent, add) {
  let total = ZERO;
  for (const [index, part] of proof.parts.entries()) {
    const said = amount(sent.parts[index].quantity);
    const counted = minus(whole(part.closing), whole(part.opening));
    add("difference", `parts.${index}`, isSame(counted, said) && counted.n >= 0n);
    for (const side of ["opening", "closing"]) {
      if (part[side].origin === "estimate") {
        add("placed", `parts.${index}.${side}`, liesBetween(part[side]));
      }
    }
    total = plus(total, said);
  }
  const quantity = amount(sent.quantity), bounds = sent.bounds ?? null;
  if (proof.parts.length > 1) add("apart", "", areApart(proof.parts));
  add("sum", "", isSame(total, quantity));
  if (bounds !== null) {
    add("bounds", "", isUpTo(amount(bounds.lower), quantity) && isUpTo(quantity, amount(bounds.upper)));
  }
}

function areApart(parts) {
  return parts.every((one, index) => parts.slice(index + 1).every((other) => {
    const isOther = !isSameMeter(one.opening.meter, other.opening.meter);
    return isOther || order(one.opening.at) >= order(other.closing.at)
      || order(other.opening.at) >= order(one.closing.at);
  }));
}

function liesBetween(border) {
  const {before, after} = border, value = whole(border), at = order(border.at);
  return (before === null || (isUpTo(whole(before), value) && order(before.at) <= at))
    && (after === null || (isUpTo(value, whole(after)) && at <= order(after.at)));
}

function claimsOf(proof, sent) {
  const clock = clockOf(proof.zone), first = sent?.since ?? proof.month;
  const wanted = {opening: first, closing: monthAfter(proof.month)};
  const claims = proof.number === null ? [{name: "no_number", about: ""}] : [];
  if (proof.held !== null) claims.push({name: "held", about: ""});
  for (const [index, part] of proof.parts.entries()) {
    for (const side of ["opening", "closing"]) {
      const border = part[side], about = `parts.${index}.${side}`;
      if (border.origin !== "meter") claims.push({name: border.origin, about});
      else if (border.signed === null) claims.push({name: "unsigned", about});
      if (!clock.isFirstOf(wanted[side], border.at)) claims.push({name: "beside", about});
    }
  }
  for (const index of proof.epochs.keys()) claims.push({name: "epoch", about: `epochs.${index}`});
  for (const [index, key] of proof.keys.entries()) {
    if (key.revoked_at !== null) claims.push({name: "revoked", about: `keys.${index}`});
  }
  return claims;
}
