// SPDX-License-Identifier: MIT
// The verdict in sentences, as words.py gives them. WORDS are those of words.json.
"use strict";

// What hides in a text is shown as its code, as text.py does it.
const JOINED = /^[\u0600-\u08ff\u0900-\u0dff\u1cd0-\u1cff\ua8e0-\ua8ff]$/u, LETTER = /^[\p{L}\p{M}]$/u;
const VIRAMA = /^[\u094d\u09cd\u0a4d\u0acd\u0b4d\u0bcd\u0c4d\u0ccd\u0d3b\u0d3c\u0d4d\u0dca]$/u;
function visible(text) {
  const signs = Array.from(text), isJoined = (sign) => JOINED.test(sign ?? "") && LETTER.test(sign);
  return signs.map((sign, at) => {
    if (!/^[\p{C}\p{Z}]$/u.test(sign) || sign === " ") return sign;
    const [before, after] = [signs[at - 1], signs[at + 1]];
    const joins = sign === "\u200c" || sign === "\u200d";
    if (joins && isJoined(before) && (VIRAMA.test(before) || isJoined(after))) return sign;
    const units = Array.from({length: sign.length}, (_, unit) => sign.charCodeAt(unit));
    return units.map((unit) => `\\u${unit.toString(16).padStart(4, "0")}`).join("");
  }).join("");
}

const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);

function headline(verdict, language) {
  const isUnsigned = verdict.borders > 0 && !verdict.signedBorders;
  const isWhole = verdict.state !== "spoilt";
  return WORDS[language].states[isUnsigned && isWhole ? "nothing_signed" : verdict.state];
}

async function numberText(proof, language) {
  const titles = WORDS[language].titles, sent = await numberOf(proof);
  if (sent === null) return titles.no_number;
  const told = `${sent.quantity} ${proof.unit}, ${fill(titles.version, {version: sent.version})}`;
  if (sent.since === null || sent.since === sent.month) return told;
  return `${told}, ${fill(titles.months, {since: sent.since, month: sent.month})}`;
}

function placesOf(proof, language) {
  const places = WORDS[language].places, readings = new Map(readingsOf(proof));
  const clock = clockOf(proof.zone).text;
  const meterOf = (reading) => `${reading.meter.manufacturer} ${reading.meter.serial}`;
  return (path) => {
    if (!path) return places.nothing;
    const [kind, index, ...rest] = path.split("."), number = Number(index);
    if (kind === "keys") return fill(places.key, proof.keys[number]);
    if (kind === "batches") {
      const block = Number(rest.at(-1) ?? 0) + 1;
      return fill(rest.length ? places.block : places.batch, {number: number + 1, block});
    }
    if (kind === "epochs") return fill(places.epoch, {at: clock(proof.epochs[number].starts_at)});
    if (kind === "parts" && !rest.length) {
      return fill(places.part, {meter: meterOf(proof.parts[number].opening)});
    }
    const reading = readings.get(path);
    return fill(places[rest.at(-1) ?? kind], {meter: meterOf(reading), at: clock(reading.at)});
  };
}

function meterLines(proof, language) {
  const titles = WORDS[language].titles, clock = clockOf(proof.zone).text;
  const nameOfMeter = ({meter}) => `${meter.manufacturer} ${meter.serial}`;
  return [
    ...proof.meters.map((each) => fill(titles[each.until === null ? "serves" : "served"], {
      meter: nameOfMeter(each), since: clock(each.since),
      until: each.until === null ? "" : clock(each.until),
    })),
    ...proof.seals.map((each) => fill(titles[each.seals.length ? "sealed" : "unsealed"], {
      meter: nameOfMeter(each), seals: each.seals.join(", "), at: clock(each.seen_at),
    })),
  ];
}

async function wordsOf(proof, verdict, trusted, language) {
  const say = WORDS[language], name = placesOf(proof, language), keys = [];
  for (const [index, key] of proof.keys.entries()) {
    const fingerprint = await fingerprintOf(key);
    const follows = verdict.followers.includes(index) ? say.titles.follows : "";
    const mark = trusted.has(fingerprint) ? say.titles.trusted : follows;
    keys.push({name: name(`keys.${index}`), fingerprint, mark});
  }
  return {
    about: visible(
      `${proof.society}: ${proof.subject.id}, ${say.services[proof.service]}, ${proof.month}`),
    number: await numberText(proof, language),
    headline: headline(verdict, language),
    signed: fill(say.titles.signed, {signed: verdict.signedBorders, borders: verdict.borders}),
    checks: verdict.checks.map((each) => ({
      holds: each.holds,
      text: visible(fill(say.checks[each.name][each.holds ? 0 : 1], {about: name(each.about)})),
    })),
    keys,
    meters: meterLines(proof, language).map(visible),
    notProven: [
      ...verdict.claims.map(
        (each) => visible(fill(say.claims[each.name], {about: name(each.about)}))),
      ...say.always,
    ],
  };
}
