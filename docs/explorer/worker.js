"use strict";
// In a worker: reads the file that the page gives it.

const { BlobSource } = require("./blob_source");
const { explored } = require("./reading");

/** A File that knows how many of its bytes were read. */
class FileSource extends BlobSource {
  ranges = [];

  read(position, length) {
    const bytes = super.read(position, length);
    if (bytes.length) this.note(position, position + bytes.length);
    return bytes;
  }

  /** Bytes that were read, each counted once. */
  get total() {
    return this.ranges.reduce((sum, [start, end]) => sum + end - start, 0);
  }

  /** Keep the ranges in order, and join those that touch. */
  note(start, end) {
    let low = 0, high = this.ranges.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.ranges[middle][1] < start) low = middle + 1;
      else high = middle;
    }
    let count = 0;
    for (; this.ranges[low + count]?.[0] <= end; count++) {
      start = Math.min(start, this.ranges[low + count][0]);
      end = Math.max(end, this.ranges[low + count][1]);
    }
    this.ranges.splice(low, count, [start, end]);
  }
}

onmessage = async ({ data: { file, offset } }) => {
  try {
    const source = new FileSource(file);
    const result = await explored(source, file.name, offset, (begin) => file.slice(begin).stream());
    // A stream that was decompressed was read to its end.
    postMessage({ ...result, read: result.compressed ? file.size - offset : source.total, file_size: file.size });
  } catch (error) {
    postMessage({ error: String(error) });
  }
};
