"use strict";
// Reads "OFFSET PATH" lines from standard input, prints the reading of each file as JSON.

const fs = require("fs");
const { FileSource } = require("./file_source");
const { reading } = require("./reading");

for (const line of fs.readFileSync(0, "utf-8").split("\n").filter(Boolean)) {
  const [, offset, path] = line.match(/^(\d+) (.*)$/);
  const source = new FileSource(path);
  try {
    console.log(JSON.stringify(reading(source, Number(offset))));
  } finally {
    source.close();
  }
}
