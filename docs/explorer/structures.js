"use strict";
// Single structures: the classes that Kaitai Struct generated, the fields in them, and what is wrong
// with bytes that they refuse.

const { ShortError, UnrepresentableError } = require("./window_stream");
const { CLASSES, EXPECTED, TYPES } = require("./data");
const { hex, refusal, repr } = require("./words");

/** A module by the name of the type in it. */
const PARSERS = {
  Configuration: () => require("./parser/Configuration").Configuration,
  LibvirtSaveImage: () => require("./parser/LibvirtSaveImage").LibvirtSaveImage,
  Live: () => require("./parser/Live").Live,
  Ram: () => require("./parser/Ram").Ram,
  Section: () => require("./parser/Section").Section,
  StreamHeader: () => require("./parser/StreamHeader").StreamHeader,
};

/** The bytes cannot be followed. `kind` is `format`, `truncated` or `unsupported`. */
class Refusal extends Error {
  constructor(kind, { message, expected = null, actual = null }, offset, path, length = null) {
    super(message);
    Object.assign(this, { kind, expected, actual, offset, path, length });
  }
}

/** This page reads no further, although `mappedram check` does. */
class Limit extends Error {
  constructor(message, offset = null) {
    super(message);
    this.offset = offset;
  }
}

const camel = (name) => name.replace(/_(.)/g, (_, letter) => letter.toUpperCase());

const classes = {};

/** The class of a structure. Of an error in it, it says in which structures that is, from the inner one. */
function classOf(kind) {
  if (!classes[kind]) {
    const [module, ...path] = CLASSES[kind].path;
    const made = path.reduce((owner, name) => owner[name], PARSERS[module]());
    const read = made.prototype._read;
    made.prototype._read = function watched() {
      try {
        return read.call(this);
      } catch (error) {
        (error.within ??= []).push([kind, this]);
        throw error;
      }
    };
    classes[kind] = made;
  }
  return classes[kind];
}

const inner = (name, node) => {
  if (name === "body") return node.idstr.split("/").at(-1).replaceAll("-", "_");
  return { mapped_ram: "mapped_ram_header", capabilities: "capability" }[name] ?? null;
};

/** Parse one structure; `params` are those of its type that are not 0. */
function parse(kind, stream, position, params, path) {
  for (const part of ["mapped_ram_header", "capability", "capabilities", "target_page_bits", "uuid"]) classOf(part);
  const node = Object.assign(Object.create(classOf(kind).prototype), { _io: stream, _parent: null, _debug: {} });
  node._root = node;
  for (const name of CLASSES[kind].params) node[camel(name)] = params[name] ?? 0;
  stream.seek(position);
  try {
    node._read();
  } catch (error) {
    throw refused(error, stream, path);
  }
  return node;
}

/** The refusal of the innermost field that was begun last. */
function refused(error, stream, path) {
  if (error instanceof UnrepresentableError) return new Limit("it has an offset or a length of 2^53 or more, which a browser cannot represent", stream.pos);
  const short = error instanceof ShortError;
  if (!short && !error.srcPath) return error;
  const steps = [], chain = error.within.reverse();
  let place, field, owner;
  for (const [kind, node] of chain) {
    owner = node;
    field = TYPES[kind].findLast(({ ksy_id }) => node._debug[camel(ksy_id)]);
    place = node._debug[camel(field.ksy_id)];
    const list = field.ksy_id === "capabilities" && kind === "capabilities";
    steps.push(list && chain.at(-1)[1] !== node ? `${field.name}[${node[camel(field.ksy_id)].length}]` : field.name);
  }
  const where = steps.join("/"), at = `${path}/${where}`, name = field.name;
  if (short) return new Refusal("truncated", refusal("refuse", { name, "self.source.size": stream.size }), place.start, at);
  const actual = field.parts.length ? whole(stream, place.start, field.parts) : owner[camel(field.ksy_id)];
  const [expected, length] = EXPECTED[chain[0][0]][where.replace(/\[\d+\]/g, "")] ?? ["another value", null];
  const told = typeof actual === "string" || actual instanceof Uint8Array ? repr(actual) : hex(actual);
  const values = { name, expected, "_shown(refusal.actual)": told, "refusal.actual": actual };
  return new Refusal("format", refusal("refuse", values, 1), place.start, at, length);
}

/** A number that the parser reads in parts, of which one was refused. */
function whole(stream, start, parts) {
  const size = parts.reduce((sum, [, bits]) => sum + bits, 0) / 8;
  return stream.source.read(start, size).reduce((value, byte) => value * 256n + BigInt(byte), 0n);
}

/** The place and the value of a number that the parser reads in parts; a BigInt if it is 2^53 or more. */
function joined(node, parts) {
  const places = parts.map(([id]) => node._debug[camel(id)]);
  if (places.some((place) => place?.end === undefined)) return undefined;
  const value = parts.reduce((sum, [id, bits]) => (sum << BigInt(bits)) + BigInt(node[camel(id)]), 0n);
  const small = value <= BigInt(Number.MAX_SAFE_INTEGER);
  return { start: places[0].start, end: places.at(-1).end, value: small ? Number(value) : value };
}

/** The fields of a parsed structure, in the order of the bytes; `path` stands before their names. */
function* fieldsOf(node, kind, path = "") {
  for (const { ksy_id, name, doc, clauses, parts } of TYPES[kind]) {
    const place = parts.length ? joined(node, parts) : node._debug[camel(ksy_id)];
    const value = parts.length ? place?.value : node[camel(ksy_id)];
    if (place?.end === undefined || value === undefined) continue;
    if (Array.isArray(value)) {
      for (const [index, item] of value.entries()) yield* fieldsOf(item, inner(name, node), `${path}${name}[${index}]/`);
    } else if (value?._debug) yield* fieldsOf(value, inner(name, node), `${path}${name}/`);
    else yield { kind, name: path + name, offset: place.start, end: place.end, value, doc, clauses };
  }
}

module.exports = { Limit, Refusal, fieldsOf, parse };
