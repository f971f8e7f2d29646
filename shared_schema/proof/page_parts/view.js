// SPDX-License-Identifier: MIT
// The page itself: a file and a fingerprint in, the verdict out.
"use strict";

const find = (id) => document.getElementById(id);
const languages = {en: find("texts-en").content, hi: find("texts-hi").content};
let bytes = null, turn = 0;

function make(kind, text, className) {
  const found = document.createElement(kind);
  found.textContent = text;
  if (className) found.className = className;
  return found;
}

function speak(language) {
  document.documentElement.lang = language;
  for (const each of languages[language].querySelectorAll("[data-for]")) {
    find(each.dataset.for).replaceChildren(...each.cloneNode(true).childNodes);
  }
}

function typedFingerprints() {
  const words = find("trust").value.replaceAll(":", "").toLowerCase().match(/\S+/g) ?? [];
  const joined = words.join("");
  const found = joined.length % 64 === 0 ? joined.match(/.{64}/g) ?? [] : [joined];
  return {found: new Set(found), isRight: found.every((each) => /^[0-9a-f]{64}$/.test(each))};
}

function section(title, ...children) {
  const found = document.createElement("section");
  found.append(make("h2", title), ...children);
  return found;
}

function list(items) {
  const found = document.createElement("ul");
  for (const [text, className] of items) found.append(make("li", text, className));
  return found;
}

async function render() {
  const mine = ++turn, language = find("language").value, titles = WORDS[language].titles;
  speak(language);
  const typed = typedFingerprints();
  find("trust-wrong").hidden = typed.isRight;
  if (!await canVerify()) { find("unable").hidden = false; return; }
  if (bytes === null || !typed.isRight) { find("result").replaceChildren(); return; }
  let shown;
  try {
    const proof = readProof(bytes), verdict = await check(proof, typed.found);
    const words = await wordsOf(proof, verdict, typed.found, language);
    const keys = words.keys.map((key) => [
      `${key.name}${key.mark && ` (${key.mark})`}\n${key.fingerprint}`, key.mark ? "key holds" : "key"]);
    const checked = section(titles.checked,
      list(words.checks.map((each) => [each.text, each.holds ? "holds" : "fails"])));
    const sections = [
      section(titles.not_proven, list(words.notProven.map((text) => [text, "claim"]))),
      section(titles.meters, list(words.meters.map((text) => [text, "claim"]))),
      section(titles.keys, list(keys)),
    ];
    shown = [
      make("p", words.about, "about"), make("p", words.number, "number"),
      make("p", words.headline, `verdict ${verdict.state}`), make("p", words.signed),
      ...(verdict.state === "spoilt" ? [checked, ...sections] : [...sections, checked]),
    ];
  } catch (error) {
    if (!(error instanceof NotAProof)) throw error;
    shown = [make("p", fill(titles.refused, {why: titles.form}), "verdict spoilt")];
  }
  if (mine === turn) find("result").replaceChildren(...shown);
}

find("file").addEventListener("change", async (event) => {
  const [file] = event.target.files;
  bytes = file === undefined ? null : file.size > MAX_PROOF_BYTES
    ? new Uint8Array(MAX_PROOF_BYTES + 1) : new Uint8Array(await file.arrayBuffer());
  await render();
});
find("trust").addEventListener("input", render);
find("language").addEventListener("change", render);
if (navigator.language.startsWith("hi")) find("language").value = "hi";
render();
