"use strict";
// The JSON text at the end of a file, and the lengths of payloads that follow from it.

const STEP = 1 << 16;
const TEXT_MAX = 64 << 20;

/** What the text says, by clauses 4.7.6 and 4.6.4; null where there is none that can be used. */
function lengths(source) {
  const begin = found(source);
  if (begin === null) return null;
  const bytes = source.read(begin, source.size - begin);
  try {
    return { ...described(JSON.parse(new TextDecoder().decode(bytes))), length: bytes.length };
  } catch {
    return null; // not JSON, or not what QEMU writes
  }
}

function described({ page_size, devices }) {
  const waiting = new Map();
  for (const device of devices) {
    const key = `${device.name}\0${device.instance_id}`, known = length(device);
    if (!Number.isSafeInteger(known) || known < 0) continue;
    waiting.set(key, [...(waiting.get(key) ?? []), known]);
  }
  return { page_size, take: (name, instance) => waiting.get(`${name}\0${instance}`)?.shift() };
}

const length = ({ fields = [], subsections = [] }) =>
  fields.reduce((sum, { size, array_len = 1 }) => sum + size * array_len, 0) +
  subsections.reduce((sum, one) => sum + 6 + one.vmsd_name.length + length(one), 0);

/** Where the text begins: behind a type byte, a length that meets the end, and no NUL since. */
function found(source) {
  for (let end = source.size; end > 0 && source.size - end < TEXT_MAX; end -= STEP) {
    const start = Math.max(end - STEP, 0);
    const last = source.read(start, end - start).lastIndexOf(0);
    if (last < 0) continue;
    const from = Math.max(start + last - 4, 0);
    const bytes = source.read(from, Math.min(16, source.size - from));
    for (let at = 0; at + 5 < bytes.length; at++) {
      const count = new DataView(bytes.buffer, bytes.byteOffset + at + 1, 4).getUint32(0);
      const fits = from + at + 5 + count === source.size;
      if (bytes[at] === 6 && bytes[at + 5] === 0x7b && fits) return from + at + 5;
    }
    return null;
  }
  return null;
}

module.exports = { lengths };
