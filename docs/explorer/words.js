"use strict";
// The messages of `mappedram check`: texts with expressions of Python, which the caller evaluates.
// tools/docs/words.py takes them from the source of the package.

const { WORDS } = require("./data");

const hex = (number) => `0x${number.toString(16)}`;
const isBytes = (value) => value instanceof Uint8Array;
const byte = (code) => `\\x${code.toString(16).padStart(2, "0")}`;
const ESCAPES = { "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t" };
/** Characters of ISO 8859-1 that Python does not print. */
const UNPRINTABLE = /[\x00-\x1f\x7f-\xa0\xad]/;

const escaped = (char) => ESCAPES[char] ?? (UNPRINTABLE.test(char) ? byte(char.charCodeAt(0)) : char);

/** A text or bytes as Python's `repr` shows them. */
function repr(value) {
  if (value === null) return "None";
  if (typeof value === "number") return String(value);
  if (isBytes(value)) {
    const text = Array.from(value, (code) => (code > 0x7f ? byte(code) : escaped(String.fromCharCode(code)))).join("");
    return `b${quoted(text)}`;
  }
  return quoted(Array.from(value, escaped).join(""));
}

const quoted = (text) => (text.includes("'") && !text.includes('"') ? `"${text}"` : `'${text.replaceAll("'", "\\'")}'`);

/** A text without characters that a page would not show. */
const printable = (text) => Array.from(text, (char) => (UNPRINTABLE.test(char) ? escaped(char) : char)).join("");

const FORMATS = {
  "": (value) => (value === null ? "None" : String(value)),
  "#x": hex,
  "#04x": (number) => `0x${number.toString(16).padStart(2, "0")}`,
};

const CHOICE = /^'([^']*)' if (\w+)(?: == (\d+))? else '([^']*)'$/, PLURAL = /^(?:plural|_pages)\((.+?)(?:, '(\w+)')?\)$/;

/** An expression that follows from other values: one of two texts, or a number and its noun. */
function derived(expression, values) {
  const [, one, name, number, other] = expression.match(CHOICE) ?? [];
  if (name) return (number === undefined ? values[name] : values[name] === Number(number)) ? one : other;
  const [, counted, noun = "page"] = expression.match(PLURAL) ?? [];
  if (counted && values[counted] !== undefined) return `${values[counted]} ${noun}${values[counted] === 1 ? "" : "s"}`;
  return values[expression];
}

/** A text of which the expressions are among `values`. */
function say(template, values) {
  const part = (one) => {
    if (typeof one === "string") return one;
    const [expression, conversion, format] = one, value = values[expression] ?? derived(expression, values);
    if (value === undefined) throw new Error(`no value of ${expression}`);
    return conversion === "r" ? repr(value) : FORMATS[format](value);
  };
  return template.map(part).join("");
}

const returned = (key, values = {}, number = 0) => say(WORDS[key].returns[number], values);
const text = (key, number = 0, values = {}) => say(WORDS[key].texts[number], values);
const end = (number, values) => say(WORDS.ends.texts[number], values);

/** A message, and what was expected and found. */
function defect(key, values = {}, number = 0) {
  const saying = WORDS[key].defects[number];
  const told = (template) => (template ? say(template, values) : null);
  return { message: say(saying.message, values), expected: told(saying.expected), actual: told(saying.actual) };
}

/** The same of an error of the reader: what it found may be a number or bytes, without a format. */
function refusal(key, values = {}, number = 0) {
  const { actual } = WORDS[key].defects[number], [only] = actual ?? [];
  if (!Array.isArray(only) || actual.length > 1 || only[2]) return defect(key, values, number);
  const [expression] = only, value = values[expression];
  const shown = isBytes(value) ? repr(value) : typeof value === "string" ? value : hex(value);
  return { ...defect(key, values, number), actual: shown };
}

const fileUpTo = (size) => returned("file_up_to", { end: size }, 1);

module.exports = { defect, end, fileUpTo, hex, printable, refusal, repr, returned, text };
