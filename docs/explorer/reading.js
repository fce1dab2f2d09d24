"use strict";
// What the page shows of one file. Runs in a worker, where a file can be read without waiting in turns,
// and in Node, where tests compare it with `mappedram check`.

require("./latin1");
require("./places");
const { Walk, isPageSize } = require("./walk");
const { byteOrder, density, unknown, written } = require("./bitmaps");
const { regions } = require("./regions");
const { elsewhere } = require("./search");
const { command, remedy } = require("./remedies");
const { CODES, judge } = require("./judge");
const { FOREIGN, RULES } = require("./data");
const { unpacked } = require("./unpack");
const { defect, hex: hexadecimal } = require("./words");

const GZIP = 1;
const MAGIC = Uint8Array.from("QEVM", (char) => char.charCodeAt(0));
const REGIONS_MAX = 1200;
const BYTES_SHOWN = 64;
const SAMPLE = 32;
/** Bitmaps that are read, all together: a file full of holes can claim far more. */
const BITMAPS_MAX = 1 << 28;

const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(" ");

function shown(source, region) {
  const { offset, end, name, path, kind, fields } = region;
  if (!fields) return { offset, end, name, path, kind, sample: hex(source.read(offset, Math.min(SAMPLE, end - offset))) };
  const rows = fields.map((field) => ({
    ...field,
    bytes: hex(source.read(field.offset, Math.min(field.end - field.offset, BYTES_SHOWN))),
    ...(typeof field.value === "bigint" ? { value: `0x${field.value.toString(16)}`, is_number: true } : {}),
    ...(field.value instanceof Uint8Array ? { value: hex(field.value) } : {}),
  }));
  return { offset, end, name, path, kind, fields: rows };
}

const uuid = (bytes) => hex(bytes).replaceAll(" ", "").replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");

const ended = (sections) => sections.some(({ type, idstr }) => type === "end" && idstr === "ram");

/** Whether END of RAM and EOF are there (clause 9.1.1). */
const complete = (sections) => ended(sections) && sections.some(({ type }) => type === "eof");

/** Why this page says less of a file than `mappedram check`. */
function* limits(walk, left) {
  if (walk.limit) yield walk.limit;
  if (left < 0) yield { message: `the bitmaps have more than ${BITMAPS_MAX >> 20} MiB, and are not all read here`, offset: null };
  const text = walk.json_text;
  if (text && !text.document && text.declared === text.length) {
    yield { message: "the JSON description cannot be parsed", offset: text.offset };
  }
}

/** What remedies say of the file, as far as this page knows it. */
function facts(walk, source, name, offset) {
  if (walk.blocks.length) return { at: null, values: {} };
  const at = walk.stopped ? elsewhere(source, offset) : null;
  const head = hex(source.read(Math.min(offset, source.size), Math.max(Math.min(8, source.size - offset), 0))).replaceAll(" ", "");
  const advice = FOREIGN.find(({ magic }) => head.startsWith(magic))?.advice || null;
  return { at, values: {
    elsewhere: at === null ? null : `\`--offset ${hexadecimal(at)}\`, as in \`${command(name, at)}\``,
    advice: advice && `${advice[0].toUpperCase()}${advice.slice(1)}.`,
    extract: null, // there is no memory
  } };
}

/** Everything about a source, which has `size` and `read(position, length)`. */
function reading(source, name, offset, packedAt = null) {
  const walk = new Walk(source, offset).file();
  const stored = walk.blocks.filter((block) => block.has_data && isPageSize(block.page_size));
  for (const block of stored) block.outside = block.bitmap_offset + block.bitmap_size > source.size;
  let left = BITMAPS_MAX;
  const readable = stored.filter((block) => !block.outside && (left -= block.bitmap_size) >= 0);
  const { order, evident } = byteOrder(source, readable);
  for (const block of readable) Object.assign(block, density(source, block, order));
  const told = ended(walk.sections) ? readable.map((block) => block.num_pages) : written(readable);
  readable.forEach((block, index) => { block.unknown = unknown(source, block, order, told[index]); });
  const all = regions(walk), findings = judge(walk, { order, evident });
  const known = facts(walk, source, name, offset);
  const begun = walk.elements.some(({ path }) => path === "/header");
  const cut = all.slice(0, REGIONS_MAX);
  return {
    name, size: source.size, offset: walk.offset, image: Boolean(walk.image), machine: walk.machine,
    capabilities: walk.capabilities, order, evident, description: walk.description?.length ?? null,
    page_size: walk.description?.page_size ?? readable[0]?.page_size ?? null,
    target_page_bits: walk.target_page_bits, uuid: walk.uuid && uuid(walk.uuid), complete: complete(walk.sections),
    blocks: walk.blocks.map(({ element, ...block }) => block), sections: walk.sections, stopped: walk.stopped,
    begun, mapped_ram: walk.mapped_ram,
    packed: walk.image ? null : walk.packed, elsewhere: known.at, command: command(name, packedAt ?? offset),
    findings: findings.map((finding) => ({ ...finding, remedy: remedy(finding.code, known.values) })), limits: [...limits(walk, left)],
    unchecked: Object.keys(RULES).filter((code) => !CODES.includes(code)),
    regions: cut.map((region) => shown(source, region)), left_out: all.length - cut.length,
  };
}

/**
 * The same, also of a stream that is compressed as a whole with gzip.
 *
 * `rest(offset)` is a readable stream of the file from there on. Offsets are those of the
 * decompressed bytes.
 */
async function explored(source, name, offset, rest) {
  const outside = reading(source, name, offset);
  if (outside.packed !== GZIP) return outside;
  const inside = await unpacked(rest(offset)), head = inside.read(0, MAGIC.length);
  if (!head.length && inside.damage) return { ...outside, limits: [{ message: inside.damage, offset }] };
  if (head.every((byte, index) => byte === MAGIC[index])) {
    const found = reading(inside, name, 0, offset);
    const limits = inside.damage ? [{ message: inside.damage, offset: inside.size }] : [];
    // Where the bytes end, the file does not.
    const findings = found.findings.filter(({ code }) => !inside.damage || code !== "MR002");
    return { ...found, findings, limits: [...limits, ...found.limits], compressed: "gzip" };
  }
  const values = { "payload.name.lower()": "gzip", head, QEMU_VM_FILE_MAGIC: MAGIC };
  const finding = { code: "MR004", ...defect("compressed", values), offset, length: null, path: "/compressed" };
  return { ...outside, limits: [], findings: [{ ...finding, remedy: remedy("MR004", facts(new Walk(source, offset).file(), source, name, offset).values) }] };
}

module.exports = { explored };
