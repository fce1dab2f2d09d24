"use strict";
// Adds the place in the spec to errors of the parser: `srcPath`.
//
// Parsers pass the place as the last argument, but the runtime 0.11 drops it.

const KaitaiStream = require("kaitai-struct/KaitaiStream");

for (const name of Object.keys(KaitaiStream).filter((key) => key.startsWith("Validation"))) {
  KaitaiStream[name] = class extends KaitaiStream[name] {
    constructor(...facts) {
      super(...facts);
      this.srcPath = facts.at(-1);
    }
  };
}
