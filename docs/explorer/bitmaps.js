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

/** Counts by cell of the pages from `from` on, the last of them, and the bits that stand for none. */
function density(source, block, order, from = 0) {
  let cell = 1;
  while (block.num_pages > cell * CELLS_MAX) cell *= 2;
  const counts = new Array(Math.ceil(block.num_pages / cell)).fill(0);
  let beyond = 0, last = -1;
  for (let done = 0; done < block.bitmap_size; done += PIECE) {
    const length = Math.min(PIECE, block.bitmap_size - done);
    const bytes = source.read(block.bitmap_offset + done, length).slice();
    if (order === "big") for (let word = 0; word < length; word += 8) bytes.subarray(word, word + 8).reverse();
    for (let index = 0; index < length; index++) {
      if (!bytes[index]) continue;
      const first = (done + index) * 8;
      if (first + 8 <= from) continue;
      last = Math.min(first + 7, block.num_pages - 1);
      if (cell >= 8 && first >= from && first + 8 <= block.num_pages) counts[Math.floor(first / cell)] += ONES[bytes[index]];
      else {
        for (let bit = 0; bit < 8; bit++) {
          if (!((bytes[index] >> bit) & 1)) continue;
          if (first + bit < from) continue;
          if (first + bit < block.num_pages) counts[Math.floor((first + bit) / cell)]++;
          else beyond++;
        }
      }
    }
  }
  return { cell, counts, beyond, last, present: counts.reduce((sum, count) => sum + count, 0) };
}

const WORD_PAGES = 64;

/**
 * Of how many pages each bitmap tells, in a save without END of RAM: they are written in the order
 * of the blocks, and up to the last word that has a bit set they were (clause 7.4.8).
 */
function written(blocks) {
  const last = blocks.findLastIndex((block) => block.last >= 0);
  return blocks.map((block, index) => {
    if (index !== last) return index < last ? block.num_pages : 0;
    return Math.min(block.num_pages, (Math.floor(block.last / WORD_PAGES) + 1) * WORD_PAGES);
  });
}

/** By cell, the pages that the file does not tell: behind its end, or in a bitmap never written. */
function unknown(source, block, order, told) {
  const within = Math.max(0, Math.floor((source.size - block.pages_offset) / block.page_size));
  const none = block.counts.map(() => 0);
  const cut = within < block.num_pages ? density(source, block, order, within).counts : none;
  const set = told < block.num_pages ? density(source, block, order, told).counts : none;
  return block.counts.map((_, index) => {
    const first = index * block.cell, end = Math.min(first + block.cell, block.num_pages);
    return cut[index] + Math.max(0, end - Math.max(first, told)) - set[index];
  });
}

module.exports = { byteOrder, density, unknown, written };
