"use strict";
// A file of Node as the source of a WindowStream.

const fs = require("fs");

class FileSource {
  constructor(path) {
    this.fd = fs.openSync(path, "r");
    // Above 2^53 the size is only compared, never used to compute.
    this.size = Number(fs.fstatSync(this.fd, { bigint: true }).size);
  }

  read(position, length) {
    const bytes = new Uint8Array(length);
    let done = 0;
    while (done < length) {
      const got = fs.readSync(this.fd, bytes, done, length - done, position + done);
      if (got === 0) throw new Error("the file became shorter");
      done += got;
    }
    return bytes;
  }

  close() {
    fs.closeSync(this.fd);
  }
}

module.exports = { FileSource };
