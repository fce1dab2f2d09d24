"use strict";
// What to do next about a finding, in the words of `mappedram check`, as far as this page knows them.

const { REMEDIES } = require("./data");
const { hex, printable } = require("./words");

const OPTIONAL = /\[([^[\]]*)\]/, PLACEHOLDER = /\{(\w+)\}/g;

/** A word of a command, quoted for a shell if it must be. */
const quoted = (word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'"'"'`)}'`);

/** The command that checks the file. */
function command(name, offset) {
  const place = offset ? ` --offset ${hex(offset)}` : "";
  return printable(`mappedram check${place} ${quoted(name.startsWith("-") ? `./${name}` : name)}`);
}

const names = (text) => Array.from(text.matchAll(PLACEHOLDER), ([, name]) => name);

/** The text with its values, of which some are null; null if one outside of brackets is. */
function filled(text, values) {
  let whole = "";
  for (const [number, part] of text.split(OPTIONAL).entries()) {
    if (names(part).every((name) => values[name] !== null)) whole += part.replace(PLACEHOLDER, (_, name) => values[name]);
    else if (number % 2 === 0) return null;
  }
  return whole;
}

/** The remedy of a finding; null if it depends on more than `values`. */
function remedy(code, values) {
  const texts = REMEDIES[code];
  if (texts.some((text) => names(text).some((name) => !(name in values)))) return null;
  return texts.map((text) => filled(text, values)).find((text) => text !== null);
}

module.exports = { command, remedy };
