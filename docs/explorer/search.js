"use strict";
// Finds where a stream begins in a file that is none from its first byte on.

const { FOREIGN } = require("./data");

const MAGICS = ["QEVM\0\0\0\x03", "LibvirtQemudSave", "LibvirtQemudPart"].map((text) => Array.from(text, (char) => char.charCodeAt(0)));
const LONGEST = 16;
/** Bytes that are searched from the beginning of the file, and beginnings that are told. */
const SEARCH_MAX = 64 << 20, TOLD_MAX = 4;
const STEP = 1 << 20;

/** Offsets at which a stream or a save image begins, besides the one that was tried. */
function beginnings(source, tried) {
  const head = source.read(0, Math.min(LONGEST, source.size));
  const isForeign = ({ magic }) => magic.match(/../g).every((pair, index) => head[index] === parseInt(pair, 16));
  if (FOREIGN.some(isForeign)) return []; // what looks like a stream there may be in pieces
  const found = [], end = Math.min(source.size, SEARCH_MAX);
  for (let position = 0; position < end && found.length < TOLD_MAX; position += STEP) {
    const chunk = source.read(position, Math.min(STEP + LONGEST - 1, source.size - position));
    for (const magic of MAGICS) {
      for (let at = chunk.indexOf(magic[0]); at >= 0 && at < STEP; at = chunk.indexOf(magic[0], at + 1)) {
        if (magic.every((byte, index) => chunk[at + index] === byte) && position + at !== tried) found.push(position + at);
      }
    }
  }
  return found.sort((one, other) => one - other).slice(0, TOLD_MAX);
}

module.exports = { beginnings };
