"use strict";
// A File or Blob as the source of a WindowStream, in the worker of a page.

class BlobSource {
  constructor(blob) {
    this.blob = blob;
    this.size = blob.size;
    this.reader = new FileReaderSync();
  }

  read(position, length) {
    const part = this.blob.slice(position, position + length);
    return new Uint8Array(this.reader.readAsArrayBuffer(part));
  }
}

module.exports = { BlobSource };
