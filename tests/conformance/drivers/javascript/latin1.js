"use strict";
// Names are ISO 8859-1 (clause 1.2.5). A browser's TextDecoder decodes that as windows-1252, which
// has other characters for the bytes from 0x80 to 0x9f.

const KaitaiStream = require("kaitai-struct/KaitaiStream");

const decode = KaitaiStream.bytesToStr;
KaitaiStream.bytesToStr = (bytes, encoding) =>
  encoding === "ISO-8859-1" ? Array.from(bytes, (byte) => String.fromCharCode(byte)).join("") : decode(bytes, encoding);
