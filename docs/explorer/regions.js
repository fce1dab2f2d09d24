"use strict";
// Every byte of the file in one region: structures, then what their offsets point at, then gaps.

function* claims({ elements, blocks }) {
  yield* elements;
  for (const { idstr, path, has_data, bitmap_offset, bitmap_size, pages_offset, used_length } of blocks) {
    if (!has_data) continue;
    const bitmap_end = bitmap_offset + bitmap_size;
    yield { kind: "bitmap", name: `bitmap of ${idstr}`, path: `${path}/bitmap`, offset: bitmap_offset, end: bitmap_end };
    yield { kind: "padding", name: `padding before the pages of ${idstr}`, path: `${path}/padding`, offset: bitmap_end, end: pages_offset };
    yield { kind: "pages", name: `pages of ${idstr}`, path: `${path}/pages`, offset: pages_offset, end: pages_offset + used_length };
  }
}

/** The regions in order; of those that overlap, the one that begins first keeps the bytes. */
function regions(walk) {
  const size = walk.source.size, found = [];
  const ended = walk.sections.some(({ type }) => type === "eof");
  let position = 0;
  const gap = (end) => {
    const before = end <= walk.offset, after = position >= walk.position;
    const name = before ? "before the stream" : after ? (ended ? "after the stream" : "not followed") : "gap";
    found.push({ kind: "gap", name, path: `/${name.replaceAll(" ", "_")}`, offset: position, end });
  };
  const sorted = [...claims(walk)].sort((one, other) => one.offset - other.offset || one.end - other.end);
  for (const claim of sorted) {
    const end = Math.min(claim.end, size);
    if (end <= claim.offset) continue;
    if (end <= position) continue;
    if (claim.offset > position) gap(claim.offset);
    found.push({ ...claim, offset: Math.max(claim.offset, position), end });
    position = end;
  }
  if (position < size) gap(size);
  return found;
}

module.exports = { regions };
