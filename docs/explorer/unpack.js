"use strict";
// Decompresses a stream into memory, without its zeros: most of a snapshot is zero.

const CHUNK = 1 << 16;
/** Bytes that are kept. */
const KEPT_MAX = 1 << 29;

const isZero = (bytes) => {
  const words = new BigUint64Array(bytes.buffer, bytes.byteOffset, bytes.length >> 3);
  return words.every((word) => word === 0n) && bytes.subarray(words.length << 3).every((byte) => byte === 0);
};

/** A source for readers, which grows while it is written. */
class SparseSource {
  chunks = new Map();
  size = 0;
  /** Why the bytes end here, though there are more. */
  damage = null;

  write(bytes) {
    for (let taken = 0; taken < bytes.length; ) {
      const within = this.size % CHUNK, piece = bytes.subarray(taken, taken + CHUNK - within);
      this.last ??= new Uint8Array(CHUNK);
      this.last.set(piece, within);
      taken += piece.length;
      this.size += piece.length;
      if (this.size % CHUNK === 0) this.keep();
    }
  }

  keep() {
    if (this.last && !isZero(this.last)) this.chunks.set(Math.floor((this.size - 1) / CHUNK), this.last);
    this.last = null;
  }

  get full() {
    return this.chunks.size * CHUNK >= KEPT_MAX;
  }

  read(position, length) {
    const bytes = new Uint8Array(Math.max(Math.min(length, this.size - position), 0));
    for (let done = 0; done < bytes.length; ) {
      const at = position + done, within = at % CHUNK, size = Math.min(CHUNK - within, bytes.length - done);
      const chunk = this.chunks.get(Math.floor(at / CHUNK));
      if (chunk) bytes.set(chunk.subarray(within, within + size), done);
      done += size;
    }
    return bytes;
  }
}

/** What a readable stream of gzip has, as far as it can be decompressed. */
async function unpacked(packed) {
  const source = new SparseSource(), reader = packed.pipeThrough(new DecompressionStream("gzip")).getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      source.write(value);
      if (!source.full) continue;
      source.damage = `it has more than ${KEPT_MAX >> 20} MiB of data, which is not all kept here`;
      await reader.cancel();
      break;
    }
  } catch {
    source.damage = "the compressed bytes are damaged or end too early";
  }
  source.keep();
  return source;
}

module.exports = { unpacked };
