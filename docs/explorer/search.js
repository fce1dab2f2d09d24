"use strict";
// Finds where a stream begins in a file that is none from its first byte on.

const { Walk } = require("./walk");
const { FOREIGN } = require("./data");

const MAGICS = ["QEVM\0\0\0\x03", "LibvirtQemudSave", "LibvirtQemudPart"].map((text) => Array.from(text, (char) => char.charCodeAt(0)));
const LONGEST = 16;
/** Bytes that are searched, and places that are tried: other data can contain the magic. */
const SEARCH_MAX = 256 << 20, TRIED_MAX = 64;
const STEP = 1 << 20;

/** Offset of the first stream or save image other than the one that was tried; null if there is none. */
function elsewhere(source, tried) {
  const head = source.read(Math.min(tried, source.size), Math.max(Math.min(LONGEST, source.size - tried), 0));
  const isForeign = ({ magic }) => magic.match(/../g).every((pair, index) => head[index] === parseInt(pair, 16));
  if (FOREIGN.some(isForeign)) return null;
  let left = TRIED_MAX;
  for (const found of magics(source)) {
    if (left-- === 0) return null;
    if (found !== tried && begins(source, found)) return found;
  }
  return null;
}

function* magics(source) {
  const end = Math.min(source.size, SEARCH_MAX);
  for (let position = 0; position < end; position += STEP) {
    const chunk = source.read(position, Math.min(STEP + LONGEST - 1, source.size - position)), found = [];
    for (const magic of MAGICS) {
      for (let at = chunk.indexOf(magic[0]); at >= 0 && at < STEP; at = chunk.indexOf(magic[0], at + 1)) {
        if (magic.every((byte, index) => chunk[at + index] === byte)) found.push(position + at);
      }
    }
    yield* found.sort((one, other) => one - other);
  }
}

/** A magic alone does not count: the headers up to a section must be readable. */
function begins(source, offset) {
  const walk = new Walk(source, offset).file();
  // EOF alone is a zero byte.
  return walk.machine !== null || walk.sections.some(({ type }) => type !== "eof") || (walk.image?.packed ?? null) !== null;
}

module.exports = { elsewhere };
