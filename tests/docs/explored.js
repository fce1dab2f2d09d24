"use strict";
// Runs the judge of the explorer: reads lines of JSON with a path and an offset, prints one for each.
// Arguments: the bundle of the explorer, and the module of a file in Node.

const fs = require("fs");
const [bundle, files] = process.argv.slice(2);
const { FileSource } = require(files);
const { reading } = new Function(`${fs.readFileSync(bundle, "utf-8")}\nreturn require("reading");`)();

for (const line of fs.readFileSync(0, "utf-8").split("\n").filter(Boolean)) {
  const { path, offset } = JSON.parse(line);
  const source = new FileSource(path);
  const { findings, limits, unchecked } = reading(source, path, offset);
  console.log(JSON.stringify({ findings, limits, unchecked }));
  source.close();
}
