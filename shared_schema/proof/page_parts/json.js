// SPDX-License-Identifier: MIT
// What a proof is written in: JSON, strictly, and of the form that a schema names.
"use strict";

class NotAProof extends Error {}

const DEEPEST = 200, MOST_DIGITS = 4300;

// JSON whose integers stay exact: JSON.parse would round them.
function parseJson(text) {
  let at = 0;
  const fail = () => { throw new NotAProof("not JSON"); };
  const token = (pattern) => {
    pattern.lastIndex = at;
    const found = pattern.exec(text);
    if (found) at = pattern.lastIndex;
    return found && found[0];
  };
  const blank = () => token(/[ \t\n\r]*/y);
  const string = () => {
    const raw = token(/"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y);
    if (raw === null) fail();
    const found = JSON.parse(raw);
    if (!found.isWellFormed()) fail();
    return found;
  };
  const members = (depth, close, each) => {
    at += 1;
    blank();
    if (text[at] === close) { at += 1; return; }
    for (;;) {
      blank();
      each(depth + 1);
      blank();
      const next = text[at];
      at += 1;
      if (next === close) return;
      if (next !== ",") fail();
    }
  };
  const value = (depth) => {
    if (depth > DEEPEST) fail();
    blank();
    const first = text[at];
    if (first === '"') return string();
    if (first === "{") {
      const found = new Map();
      members(depth, "}", (below) => {
        const name = string();
        blank();
        if (text[at] !== ":") fail();
        at += 1;
        found.set(name, value(below));
      });
      return found;
    }
    if (first === "[") {
      const found = [];
      members(depth, "]", (below) => found.push(value(below)));
      return found;
    }
    const word = token(/true|false|null/y);
    if (word) return {true: true, false: false, null: null}[word];
    if (token(/-?Infinity|NaN/y)) return NaN;
    const number = token(/-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y);
    if (number === null || /[0-9]+/.exec(number)[0].length > MOST_DIGITS) fail();
    return /^-?[0-9]+$/.test(number) ? BigInt(number) : Number(number);
  };
  const found = value(0);
  blank();
  if (at !== text.length) fail();
  return found;
}

// As much of JSON Schema as the models need. Returns the value with plain objects for maps.
function shaped(schema, value, definitions) {
  const fail = () => { throw new NotAProof("not of the form of a proof"); };
  if (schema.$ref) return shaped(definitions[schema.$ref.split("/").pop()], value, definitions);
  if (schema.anyOf) {
    for (const each of schema.anyOf) {
      try { return shaped(each, value, definitions); } catch (error) {
        if (!(error instanceof NotAProof)) throw error;
      }
    }
    fail();
  }
  if ("const" in schema) return value === schema.const ? value : fail();
  if (schema.enum) return schema.enum.includes(value) ? value : fail();
  switch (schema.type) {
    case "null": return value === null ? value : fail();
    case "boolean": return typeof value === "boolean" ? value : fail();
    case "string": {
      if (typeof value !== "string") fail();
      const length = Array.from(value).length;
      if (length < (schema.minLength ?? 0) || length > (schema.maxLength ?? Infinity)) fail();
      if (schema.pattern && !new RegExp(schema.pattern, "u").test(value)) fail();
      return value;
    }
    case "integer":
      if (typeof value !== "bigint" || value < (schema.minimum ?? -Infinity)) fail();
      return value <= (schema.maximum ?? Infinity) ? value : fail();
    case "array":
      if (!Array.isArray(value) || value.length < (schema.minItems ?? 0)) fail();
      if (value.length > (schema.maxItems ?? Infinity)) fail();
      return value.map((each) => shaped(schema.items, each, definitions));
    case "object": {
      if (!(value instanceof Map)) fail();
      const known = schema.properties, found = {};
      if (schema.additionalProperties === false) {
        for (const name of value.keys()) if (!Object.hasOwn(known, name)) fail();
      }
      for (const [name, own] of Object.entries(known)) {
        if (value.has(name)) found[name] = shaped(own, value.get(name), definitions);
        else if ((schema.required ?? []).includes(name)) fail();
        else found[name] = typeof own.default === "number" ? BigInt(own.default) : own.default;
      }
      return found;
    }
  }
  return fail();
}
