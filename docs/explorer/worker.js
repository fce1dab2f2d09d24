"use strict";
// In a worker, where a file can be read without waiting in turns: what the page shows of one file.

require("./latin1");
require("./places");
const { BlobSource } = require("./blob_source");
const { Walk } = require("./walk");
const { byteOrder, density, unknown, written } = require("./bitmaps");
const { regions } = require("./regions");
const { judge, isPageSize } = require("./judge");

const REGIONS_MAX = 1200;
const BYTES_SHOWN = 64;
const SAMPLE = 32;
/** Bitmaps that are read, all together: a file full of holes can claim far more. */
const BITMAPS_MAX = 1 << 28;

/** A File that counts in `total` the bytes that were read of it. */
class FileSource extends BlobSource {
  total = 0;

  read(position, length) {
    const bytes = super.read(position, length);
    this.total += bytes.length;
    return bytes;
  }
}

const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(" ");

function shown(source, region) {
  const { offset, end, name, path, kind, fields } = region;
  if (!fields) return { offset, end, name, path, kind, sample: hex(source.read(offset, Math.min(SAMPLE, end - offset))) };
  const rows = fields.map((field) => ({
    ...field,
    bytes: hex(source.read(field.offset, Math.min(field.end - field.offset, BYTES_SHOWN))),
    value: field.value instanceof Uint8Array ? hex(field.value) : field.value,
  }));
  return { offset, end, name, path, kind, fields: rows };
}

const uuid = (bytes) => hex(bytes).replaceAll(" ", "").replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");

const ended = (sections) => sections.some(({ type, idstr }) => type === "end" && idstr === "ram");

/** Whether END of RAM and EOF are there (clause 9.1.1). */
const complete = (sections) => ended(sections) && sections.some(({ type }) => type === "eof");

function reading(file, offset) {
  const source = new FileSource(file);
  const walk = new Walk(source, offset).file();
  const stored = walk.blocks.filter((block) => block.has_data && isPageSize(block.page_size));
  for (const block of stored) block.outside = block.bitmap_offset + block.bitmap_size > source.size;
  let left = BITMAPS_MAX;
  const readable = stored.filter((block) => !block.outside && (left -= block.bitmap_size) >= 0);
  const { order, evident } = byteOrder(source, readable);
  for (const block of readable) Object.assign(block, density(source, block, order));
  const told = ended(walk.sections) ? readable.map((block) => block.num_pages) : written(readable);
  readable.forEach((block, index) => { block.unknown = unknown(source, block, order, told[index]); });
  const { regions: all, overlap } = regions(walk);
  const cut = all.slice(0, REGIONS_MAX);
  const result = {
    name: file.name, size: source.size, offset: walk.offset, image: walk.image, machine: walk.machine,
    capabilities: walk.capabilities, order, evident, description: walk.description?.length ?? null,
    page_size: walk.description?.page_size ?? readable[0]?.page_size ?? null,
    target_page_bits: walk.target_page_bits, uuid: walk.uuid && uuid(walk.uuid), complete: complete(walk.sections),
    blocks: walk.blocks, sections: walk.sections, stopped: walk.stopped,
    findings: [...judge(walk, overlap)],
    regions: cut.map((region) => shown(source, region)), left_out: all.length - cut.length,
  };
  return { ...result, read: source.total };
}

onmessage = ({ data: { file, offset } }) => {
  try {
    postMessage(reading(file, offset));
  } catch (error) {
    postMessage({ error: String(error) });
  }
};
