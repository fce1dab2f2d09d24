"use strict";
// The findings that follow from headers and bitmaps alone, under the codes of `mappedram check`.

const MIB = 1 << 20;
const isPageSize = (size) => size >= 256 && size <= 65536 && Number.isInteger(Math.log2(size));

/** Of each block: code, whether it is broken, the field that is to blame, and the words. */
const OF_BLOCK = [
  ["MR104", (b) => b.page_size && b.used_length % b.page_size, "used_length", () => "is not a whole number of pages"],
  ["MR204", (b) => b.page_size !== undefined && !isPageSize(b.page_size), "mapped_ram/page_size", (b) => `is ${b.page_size}`],
  ["MR205", (b, usual) => isPageSize(b.page_size) && b.page_size !== usual, "mapped_ram/page_size", (b) => `is ${b.page_size}, but not elsewhere in the file`],
  ["MR206", (b) => b.version !== undefined && b.version !== 1, "mapped_ram/version", (b) => `is ${b.version}`],
  ["MR208", (b) => b.has_data && (!b.bitmap_offset || !b.pages_offset), "mapped_ram/bitmap_offset", () => "and pages_offset: one is 0, the other is not"],
  ["MR209", (b) => b.version !== undefined && !b.has_data, "mapped_ram/bitmap_offset", () => "is 0: the file has no data of the block"],
  ["MR201", (b) => b.has_data && isPageSize(b.page_size) && b.pages_offset % b.page_size, "mapped_ram/pages_offset", () => "is not a multiple of the page size"],
  ["MR202", (b) => b.has_data && b.pages_offset % b.page_size === 0 && b.pages_offset % MIB, "mapped_ram/pages_offset", () => "is not a multiple of 1 MiB"],
  ["MR207", (b) => b.bitmap_offset && b.pages_offset && b.bitmap_offset !== b.header_end, "mapped_ram/bitmap_offset", () => "is not directly after the header"],
  ["MR301", (b) => b.beyond > 0, "bitmap", (b) => `has ${b.beyond} bits set for pages that the block does not have`],
  ["MR402", (b) => b.outside, "mapped_ram/bitmap_offset", () => "is outside of the file"],
];

function* judge(walk, overlap) {
  const { blocks, sections, stopped } = walk;
  const places = new Map(walk.elements.flatMap((element) =>
    (element.fields ?? []).map((field) => [`${element.path}/${field.name}`, field.offset])));
  if (stopped) yield { ...stopped, path: "" };
  const has = (type) => sections.some((section) => section.type === type && section.idstr === "ram");
  if (!stopped && has("start") && !has("end")) yield { code: "MR003", message: "RAM has no END section", offset: null, path: "" };
  const usual = walk.description?.page_size ?? blocks.find((block) => isPageSize(block.page_size))?.page_size;
  const names = new Set();
  for (const block of blocks) {
    for (const [code, broken, field, words] of OF_BLOCK) {
      if (!broken(block, usual)) continue;
      const path = `${block.path}/${field}`;
      const offset = places.get(path) ?? block.bitmap_offset ?? block.offset;
      yield { code, message: `block '${block.idstr}': ${field} ${words(block)}`, offset, path };
    }
    if (names.has(block.idstr)) {
      yield { code: "MR101", message: `two blocks are named '${block.idstr}'`, offset: block.offset, path: block.path };
    }
    names.add(block.idstr);
  }
  const sum = blocks.reduce((total, block) => total + block.used_length, 0);
  const listed = walk.totals.reduce((total, one) => total + one, 0);
  if (walk.totals.length && !stopped && listed !== sum) {
    yield { code: "MR102", message: `MEM_SIZE is ${listed}, but the sum of the blocks is ${sum}`, offset: places.get("/sections[0]/mem_size/total_and_flags") ?? null, path: "/sections[0]/mem_size" };
  }
  // Where one of the offsets is 0, that is what is wrong.
  const halves = blocks.filter((block) => block.has_data && !(block.bitmap_offset && block.pages_offset));
  if (overlap && !halves.some(({ path }) => overlap.path.startsWith(`${path}/`))) {
    yield { code: "MR401", message: `${overlap.name} overlaps another region`, offset: overlap.offset, path: overlap.path };
  }
  if (!stopped && walk.position < walk.source.size) {
    yield { code: "MR043", message: "bytes follow the end of the stream", offset: walk.position, path: "" };
  }
  const ended = sections.at(-1)?.type;
  if (!stopped && ended === "eof") yield { code: "MR041", message: "no JSON description follows", offset: walk.position, path: "" };
}

module.exports = { judge, isPageSize };
