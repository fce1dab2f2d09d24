"use strict";
// How many pages of a block are in the file, by equal parts of the block. Bitmaps are read in
// pieces: their sizes come from the file.

const PIECE = 1 << 20;
const CELLS_MAX = 2048;

const ONES = Uint8Array.from({ length: 256 }, (_, byte) => byte.toString(2).replaceAll("0", "").length);

/** The order that a block of less than one word gives away; little where none does. */
function byteOrder(source, blocks) {
  for (const { num_pages, bitmap_offset } of blocks) {
    const used = Math.ceil(num_pages / 8);
    if (!(used > 0 && used < 8)) continue;
    const bytes = source.read(bitmap_offset, 8);
    if (!bytes.some(Boolean)) continue;
    const little = !bytes.subarray(used).some(Boolean), big = !bytes.subarray(0, 8 - used).some(Boolean);
    if (little !== big) return { order: little ? "little" : "big", evident: true };
  }
  return { order: "little", evident: false };
}

/** Counts by cell, and the set bits that stand for no page. */
function density(source, block, order) {
  let cell = 1;
  while (block.num_pages > cell * CELLS_MAX) cell *= 2;
  const counts = new Array(Math.ceil(block.num_pages / cell)).fill(0);
  let beyond = 0;
  for (let done = 0; done < block.bitmap_size; done += PIECE) {
    const length = Math.min(PIECE, block.bitmap_size - done);
    const bytes = source.read(block.bitmap_offset + done, length).slice();
    if (order === "big") for (let word = 0; word < length; word += 8) bytes.subarray(word, word + 8).reverse();
    for (let index = 0; index < length; index++) {
      if (!bytes[index]) continue;
      const first = (done + index) * 8;
      if (cell >= 8 && first + 8 <= block.num_pages) counts[Math.floor(first / cell)] += ONES[bytes[index]];
      else {
        for (let bit = 0; bit < 8; bit++) {
          if (!((bytes[index] >> bit) & 1)) continue;
          if (first + bit < block.num_pages) counts[Math.floor((first + bit) / cell)]++;
          else beyond++;
        }
      }
    }
  }
  return { cell, counts, beyond, present: counts.reduce((sum, count) => sum + count, 0) };
}

module.exports = { byteOrder, density };
