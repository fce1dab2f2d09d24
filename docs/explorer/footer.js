"use strict";
// Finds the end of a payload of unknown length by the footer behind it.

const { COMMANDS } = require("./data");

const LAST_COMMAND = Math.max(...Object.keys(COMMANDS).map(Number));
const FOOTER = 0x7e, FOOTER_SIZE = 5;
const SEARCH_MAX = 256 << 20;
const CHUNK_MIN = 1 << 12, CHUNK_MAX = 1 << 20;

/** Whether the bytes at an offset could be the next section of a stream. */
function isSectionStart(walk, offset) {
  const head = walk.peek(10, offset), [type] = head;
  if (type === 1 || type === 4) {
    const name = walk.peek(head[5] ?? 0, offset + 6);
    return name.length > 0 && name.every((byte) => byte >= 0x20 && byte < 0x7f);
  }
  if (type === 2 || type === 3) return head.length >= 5;
  if (type === 8) {
    const command = head[1] * 256 + head[2];
    return head.length >= 5 && command > 0 && command <= LAST_COMMAND;
  }
  return type === 0 && (head[1] === undefined || head[1] === 6);
}

/** Offset of the first footer of a section at or behind `start` that a section can follow; null if there is none. */
function findFooter(walk, start, id) {
  const wanted = [FOOTER, id >>> 24, (id >>> 16) & 0xff, (id >>> 8) & 0xff, id & 0xff];
  const end = Math.min(walk.source.size, start + SEARCH_MAX);
  let position = start;
  for (let size = CHUNK_MIN; position < end; position += size, size = Math.min(2 * size, CHUNK_MAX)) {
    const chunk = walk.peek(size + FOOTER_SIZE - 1, position);
    for (let at = chunk.indexOf(FOOTER); at >= 0; at = chunk.indexOf(FOOTER, at + 1)) {
      if (at + FOOTER_SIZE <= chunk.length && wanted.every((byte, index) => chunk[at + index] === byte)
        && isSectionStart(walk, position + at + FOOTER_SIZE)) return position + at;
    }
  }
  return null;
}

module.exports = { findFooter, isSectionStart };
