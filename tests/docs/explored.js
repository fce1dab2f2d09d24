"use strict";
// Runs the judge of the explorer: reads lines of JSON with a path and an offset, prints one for each.
// Arguments: the bundle of the explorer, and the module of a file in Node.

const fs = require("fs");
const { Readable } = require("stream");
const [bundle, files] = process.argv.slice(2);
const { FileSource } = require(files);
const { explored } = new Function(`${fs.readFileSync(bundle, "utf-8")}\nreturn require("reading");`)();

const main = async () => {
  for (const line of fs.readFileSync(0, "utf-8").split("\n").filter(Boolean)) {
    const { path, offset } = JSON.parse(line);
    const source = new FileSource(path), rest = (start) => Readable.toWeb(fs.createReadStream(path, { start }));
    const { elsewhere, findings, limits, unchecked } = await explored(source, path, offset, rest);
    console.log(JSON.stringify({ elsewhere, findings, limits, unchecked }));
    source.close();
  }
};

main();
