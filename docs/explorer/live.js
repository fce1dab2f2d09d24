"use strict";
// The records of live devices other than RAM, which no JSON text describes.

const { Refusal } = require("./structures");
const { LIVE } = require("./data");

/** Records that are parsed one by one: else a payload of other bytes could be a million of them. */
const RECORDS_MAX = 1 << 16;

/** One record, and the bytes behind it, of which a field gives the number. */
function record(walk, path, kind, name, field = null, unit = 1) {
  if (++walk.counts.records > RECORDS_MAX) throw new Refusal("format", { message: "too many records" }, walk.position, path);
  const element = walk.structure(kind, path, name);
  const values = new Map(element.fields.map((one) => [one.name, BigInt(typeof one.value === "string" ? 0 : one.value)]));
  const length = field ? (values.get(field) ?? 0n) * BigInt(unit) : 0n;
  if (BigInt(walk.position) + length > BigInt(walk.source.size)) throw new Refusal("truncated", { message: "too short" }, walk.position, path);
  if (length) {
    const start = walk.position, section = path.replace(/\/[^/]*$/, "");
    walk.position += Number(length);
    walk.elements.push({ kind: "payload", path: `${section}/payload`, name: `payload of ${name}`, offset: start, end: walk.position });
  }
  return values;
}

function dirtyBitmap(walk, path, name) {
  for (let number = 0; ; number++) {
    const values = record(walk, `${path}/chunks[${number}]`, "dirty_bitmap_chunk", name, "buf_size");
    if (values.get("chunk_flags") & BigInt(LIVE.DIRTY_BITMAP_EOS)) return;
  }
}

function hashTable(walk, path, name) {
  if (record(walk, `${path}/table`, "htab_header", name).get("section_hdr")) return; // only the size of the table
  for (let number = 0; ; number++) {
    const values = record(walk, `${path}/chunks[${number}]`, "htab_chunk", name, "n_valid", LIVE.HTAB_ENTRY);
    if ([...values.values()].every((value) => value === 0n)) return;
  }
}

function storageAttributes(walk, path, name) {
  for (let number = 0; ; number++) {
    const values = record(walk, `${path}/records[${number}]`, "storage_attributes", name, "count");
    if ((values.get("addr_and_flags") & BigInt(LIVE.STATTR_FLAG_MASK)) === BigInt(LIVE.STATTR_FLAG_EOS)) return;
  }
}

function vfio(walk, path, name) {
  for (let number = 0; ; number++) {
    const tag = Number(record(walk, `${path}/records[${number}]`, "vfio_record", name, "data_size").get("tag"));
    if (tag === LIVE.VFIO_MIG_FLAG_DEV_CONFIG_STATE) throw new Refusal("format", { message: "the state of a device follows" }, walk.position, path);
    if (LIVE.ENDS_VFIO.includes(tag)) return;
  }
}

const PAYLOADS = {
  "dirty-bitmap": dirtyBitmap, "spapr/htab": hashTable, "s390-storage_attributes": storageAttributes,
  "s390-skeys": storageAttributes, "/vfio": vfio,
};

/** Parse a payload of known records; false, and nothing else, if it has none. */
function live(walk, path, name, idstr) {
  const end = Object.keys(PAYLOADS).find((one) => idstr?.endsWith(one));
  if (!end) return false;
  const start = walk.position, taken = walk.elements.length;
  try {
    PAYLOADS[end](walk, path, name);
    if (walk.footers === false || walk.next === LIVE.FOOTER) return true;
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
  }
  walk.elements.length = taken;
  walk.position = start;
  return false;
}

module.exports = { live };
