// SPDX-License-Identifier: MIT
// Times as the society's clocks show them, as clock.py gives them.
"use strict";

const EASTERNMOST = 14, WESTERNMOST = 12; // hours

function clockOf(zone) {
  const parts = {hourCycle: "h23", year: "numeric", month: "2-digit", day: "2-digit",
    hour: "2-digit", minute: "2-digit", second: "2-digit"};
  let format, mark = "";
  try { format = new Intl.DateTimeFormat("en", {...parts, timeZone: zone}); } catch {
    [format, mark] = [new Intl.DateTimeFormat("en", {...parts, timeZone: "UTC"}), " UTC"];
  }
  const text = (moment) => {
    const at = new Date(moment);
    if (Number.isNaN(at.valueOf())) return moment;
    const found = Object.fromEntries(format.formatToParts(at).map(({type, value}) => [type, value]));
    const seconds = found.second === "00" ? "" : `:${found.second}`;
    return `${found.year}-${found.month}-${found.day} ${found.hour}:${found.minute}${seconds}${mark}`;
  };
  const isFirstOf = (month, moment) => {
    if (mark === "") return text(moment) === `${month}-01 00:00`;
    const at = new Date(`${moment.slice(0, 19)}Z`);
    if (Number.isNaN(at.valueOf()) || at.toISOString().slice(0, 10) !== moment.slice(0, 10)) return false;
    const ahead = (new Date(`${month}-01T00:00:00Z`) - at) / 3600000;
    return -WESTERNMOST <= ahead && ahead <= EASTERNMOST;
  };
  return {text, isFirstOf};
}

function monthAfter(month) {
  const [year, number] = month.split("-").map(Number);
  const next = [year + Math.floor(number / 12), number % 12 + 1];
  return `${String(next[0]).padStart(4, "0")}-${String(next[1]).padStart(2, "0")}`;
}
