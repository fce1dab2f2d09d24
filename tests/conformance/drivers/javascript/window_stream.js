"use strict";
// A KaitaiStream over a file of any size, read through a small window.
//
// `source` has `size`, a number, and `read(position, length)`, which returns a Uint8Array of that
// length. In Node it is a file, in a browser it can be a File: see docs/languages.md.

const KaitaiStream = require("kaitai-struct/KaitaiStream");

const WINDOW = 1 << 16;

/** A number or a place beyond 2^53 - 1, which JavaScript would round silently. */
class UnrepresentableError extends Error {}

/** The file ends within a read at `offset`. */
class ShortError extends Error {
  constructor(offset) {
    super(`the file ends within what is read at ${offset}`);
    this.offset = offset;
  }
}

class WindowStream extends KaitaiStream {
  constructor(source) {
    super(0);
    this.source = source;
    this.start = 0;
    this.window = new Uint8Array(0);
  }

  get size() {
    return this.source.size;
  }

  seek(position) {
    if (!Number.isSafeInteger(position)) throw new UnrepresentableError("position");
    this.alignToByte();
    this.pos = position;
  }

  take(length) {
    if (!(this.pos + length <= this.size)) throw new ShortError(this.pos);
    const begin = this.pos;
    this.pos += length;
    if (length > WINDOW) return this.source.read(begin, length);
    if (begin < this.start || this.pos > this.start + this.window.length) {
      this.start = begin;
      this.window = this.source.read(begin, Math.min(WINDOW, this.size - begin));
    }
    return this.window.subarray(begin - this.start, this.pos - this.start);
  }

  view(length) {
    const bytes = this.take(length);
    return new DataView(bytes.buffer, bytes.byteOffset, length);
  }

  integer(value) {
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new UnrepresentableError("number");
    return Number(value);
  }

  readBytes(length) { return this.take(length).slice(); }
  readU1() { return this.view(1).getUint8(0); }
  readU2be() { return this.view(2).getUint16(0); }
  readU4be() { return this.view(4).getUint32(0); }
  readU4le() { return this.view(4).getUint32(0, true); }
  readU8be() { return this.integer(this.view(8).getBigUint64(0)); }
}

module.exports = { WindowStream, ShortError, UnrepresentableError };
