// SPDX-License-Identifier: MIT
// Keys that follow one another, as succession.py tells them. A key is "gateway publickey".
"use strict";

function holdingSteps(steps, keys, batches) {
  const following = new Map(steps.map((step) => [step.key, step.successor]));
  return steps.map((step) => keys.has(step.successor)
    && steps.filter((other) => other.key === step.key).length === 1
    && !leadsBack(step.key, following)
    && takesOver(step, batches));
}

function followedKeys(trusted, steps) {
  const found = new Set(trusted);
  for (const _ of steps) {
    for (const step of steps) if (found.has(step.key)) found.add(step.successor);
  }
  return found;
}

function leadsBack(key, following) {
  let at = following.get(key);
  for (const _ of following) {
    if (at === undefined || at === key) break;
    at = following.get(at);
  }
  return at !== undefined;
}

function takesOver(step, batches) {
  const first = new Map();
  for (const {key, stream, seq} of batches) {
    const isEarlier = !first.has(stream) || seq < first.get(stream);
    if (key === step.successor && isEarlier) first.set(stream, seq);
  }
  return batches.every(({key, stream, seq}) =>
    key !== step.key || !first.has(stream) || seq < first.get(stream));
}
