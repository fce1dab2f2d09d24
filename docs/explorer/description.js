"use strict";
// The JSON text at the end of a file, and the lengths of payloads that follow from it.

const STEP = 1 << 16;
const TEXT_MAX = 16 << 20;

/** What the text says, by clauses 4.7.6 and 4.6.4, and its length; null where there is none. */
function lengths(source, start) {
  const begin = found(source, start);
  if (begin === null) return null;
  const bytes = source.read(begin, source.size - begin), document = parsed(bytes);
  return { page_size: null, ...described(document), offset: begin, length: bytes.length, document };
}

/** The object that a text describes; null where it is no such text. */
function parsed(bytes) {
  try {
    const document = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    return document !== null && typeof document === "object" && !Array.isArray(document) ? document : null;
  } catch {
    return null;
  }
}

function described(document) {
  const { page_size, devices } = document ?? {};
  const waiting = new Map();
  for (const device of Array.isArray(devices) ? devices : []) {
    const key = `${device?.name}\0${device?.instance_id}`, known = lengthOf(device);
    if (!Number.isSafeInteger(known) || known < 0) continue;
    waiting.set(key, [...(waiting.get(key) ?? []), known]);
  }
  return { ...(isPageSize(page_size) ? { page_size } : {}), take: (name, instance) => waiting.get(`${name}\0${instance}`)?.shift() };
}

const isPageSize = (size) => size >= 256 && size <= 65536 && Number.isInteger(Math.log2(size));

/** Bytes of a device; null where its description is malformed. */
function lengthOf(device) {
  try {
    return length(device);
  } catch {
    return null;
  }
}

const length = ({ fields = [], subsections = [] }) =>
  fields.reduce((sum, { size, array_len = 1 }) => sum + size * array_len, 0) +
  subsections.reduce((sum, one) => sum + 6 + one.vmsd_name.length + length(one), 0);

/** Where the text begins: behind a type byte, a length that meets the end, and no NUL since. */
function found(source, start) {
  for (let end = source.size; end > start && source.size - end < TEXT_MAX; end -= STEP) {
    const begin = Math.max(end - STEP, start);
    const last = source.read(begin, end - begin).lastIndexOf(0);
    if (last < 0) continue;
    const from = Math.max(begin + last - 4, 0);
    const bytes = source.read(from, Math.min(16, source.size - from));
    for (let at = 0; at + 5 < bytes.length; at++) {
      const count = new DataView(bytes.buffer, bytes.byteOffset + at + 1, 4).getUint32(0);
      const fits = from + at >= start && from + at + 5 + count === source.size;
      if (bytes[at] === 6 && bytes[at + 5] === 0x7b && fits) return from + at + 5;
    }
    return null;
  }
  return null;
}

module.exports = { described, lengths, parsed };
