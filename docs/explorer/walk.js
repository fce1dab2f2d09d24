"use strict";
// Follows a snapshot with the parsers that Kaitai Struct generated, and says what stands where: the
// structures with their fields, the blocks and the sections. Of a file that cannot be followed to
// its end, all that stands before that place. Source: spec/format.md.

const { WindowStream, ShortError, UnrepresentableError } = require("./window_stream");
const { MappedRam } = require("./parser/MappedRam");
const { Ram } = require("./parser/Ram");
const { Section } = require("./parser/Section");
const { LibvirtSaveImage } = require("./parser/LibvirtSaveImage");
const { lengths } = require("./description");
const { TYPES, COMMANDS } = require("./data");

const LIBVIRT = "LibvirtQemud";
const SECTION = { EOF: 0, START: 1, PART: 2, END: 3, FULL: 4, VMDESCRIPTION: 6, FOOTER: 0x7e };
const NAMES = { 1: "START", 2: "PART", 3: "END", 4: "FULL" };
const HEADER = 28;

const camel = (name) => name.replace(/_(.)/g, (_, letter) => letter.toUpperCase());

/** The place and the value of a number that the parser reads in parts, of which the last has all flags. */
function joined(node, parts) {
  const places = parts.map(([id]) => node._debug[camel(id)]);
  if (places.some((place) => place?.end === undefined)) return undefined;
  const value = parts.reduce((sum, [id, bits]) => sum * 2 ** bits + node[camel(id)], 0);
  return { start: places[0].start, end: places.at(-1).end, value };
}

/** The fields of a parsed structure, in the order of the bytes; `path` stands before their names. */
function* fieldsOf(node, kind, path = "") {
  for (const { ksy_id, name, doc, clauses, parts } of TYPES[kind]) {
    const place = parts.length ? joined(node, parts) : node._debug[camel(ksy_id)];
    const value = parts.length ? place?.value : node[camel(ksy_id)];
    if (place?.end === undefined || value === undefined) continue;
    const inner = name === "body" ? node.idstr.split("/").at(-1).replaceAll("-", "_")
      : name === "mapped_ram" ? "mapped_ram_header" : "capability";
    if (Array.isArray(value)) {
      for (const [index, item] of value.entries()) yield* fieldsOf(item, inner, `${path}${name}[${index}]/`);
    } else if (value?._debug) yield* fieldsOf(value, inner, `${path}${name}/`);
    else yield { kind, name: path + name, offset: place.start, end: place.end, value, doc, clauses };
  }
}

class Walk {
  constructor(source, offset) {
    this.source = source;
    this.offset = offset;
    this.stream = new WindowStream(source);
    this.elements = [];
    this.blocks = [];
    this.sections = [];
    this.totals = [];
    this.footers = false;
    this.machine = null;
    this.capabilities = [];
    this.target_page_bits = null;
    this.uuid = null;
    this.image = false;
    this.stopped = null;
    this.description = null;
    this.position = offset;
  }

  /** Do a step; what goes wrong in it is where reading stops. */
  try(step) {
    try {
      return step();
    } catch (error) {
      this.stopped ??= refusal(error);
      return undefined;
    }
  }

  add(kind, path, name, node) {
    const fields = [...fieldsOf(node, kind)];
    if (!fields.length) return;
    const offset = fields[0].offset, end = fields.at(-1).end;
    this.elements.push({ kind: "element", path, name, offset, end, fields });
    this.position = Math.max(this.position, end);
  }

  parse(type, position) {
    this.stream.seek(position);
    return new type(this.stream, null, null);
  }

  file() {
    const head = this.source.read(this.offset, Math.min(LIBVIRT.length, this.source.size - this.offset));
    if (String.fromCharCode(...head) === LIBVIRT) this.libvirt();
    if (!this.stopped) this.try(() => this.snapshot());
    return this;
  }

  libvirt() {
    this.image = true;
    const begin = this.offset;
    const image = this.try(() => {
      this.stream.seek(begin);
      return new LibvirtSaveImage(this.stream);
    });
    if (!image) return;
    const header = image.header;
    this.add("libvirt_header", "/libvirt/header", "libvirt header", header);
    const texts = { kind: "text", path: "/libvirt/texts", name: "libvirt domain XML, cookie, slack", offset: this.position };
    this.offset = this.position = this.position + header.dataLen;
    this.elements.push({ ...texts, end: this.offset });
    const magic = this.source.read(this.offset, Math.min(4, Math.max(this.source.size - this.offset, 0)));
    if (String.fromCharCode(...magic) !== "QEVM") {
      this.stopped = { code: "MR004", message: "no plain stream in this save image: it may be compressed", offset: this.offset };
    }
  }

  snapshot() {
    // Made by hand, so that what was read before an error is still there behind it.
    const root = Object.assign(Object.create(MappedRam.prototype), { _io: this.stream, _parent: null, _debug: {} });
    root._root = root;
    this.stream.seek(this.offset);
    this.try(() => root._read());
    if (root.header) this.add("stream_header", "/header", "stream header", root.header);
    const all = root.sections ?? [];
    this.configuration(all.filter(({ typeBefore }) => [0xff, 5, 7].includes(typeBefore)));
    const sections = all.filter((one) => !this.try(() => one.isConfiguration || one.isSubsection));
    for (const [index, section] of sections.entries()) {
      if (!this.section(section, `/sections[${index}]`)) break;
    }
    if (!this.stopped) this.rest();
  }

  /** The first sections, of which some are the configuration and what belongs to it. */
  configuration(nodes) {
    let count = 0;
    for (const node of nodes) {
      const header = this.try(() => node.configuration), one = this.try(() => node.subsection);
      if (header) {
        this.machine = header.name;
        this.add("configuration_header", "/configuration/header", "configuration", header);
      }
      if (!one) continue;
      this.add("configuration_subsection", `/configuration/subsections[${count++}]`, one.idstr, one);
      if (one.isCapabilities) this.capabilities = one.body.capabilities.map(({ name }) => name);
      else if (one.idstr === "configuration/uuid") this.uuid = one.body.uuid;
      else this.target_page_bits = one.body.targetPageBits;
    }
  }

  /** A section of the part that the spec follows; false where that part ends. */
  section(node, path) {
    const followed = this.try(() => node.isRam || node.isCommand || node.isEnd);
    if (!followed) return false;
    const { isEnd, isPart, isCommand } = node;
    const header = isEnd ? node.endOfStream : isPart ? node.part : isCommand ? node.command : node.start;
    const kind = isEnd ? "end_of_stream" : isPart ? "section_part" : isCommand ? "command" : "section_start";
    const title = isEnd ? "EOF"
      : isCommand ? `COMMAND ${COMMANDS[header.command] ?? `0x${header.command.toString(16)}`}`
        : `${NAMES[node.sectionType]} ram`;
    this.add(kind, `${path}/header`, title, header);
    const section = {
      path, type: isEnd ? "eof" : isCommand ? "command" : NAMES[node.sectionType].toLowerCase(),
      section_id: header.sectionId ?? null, idstr: isEnd || isCommand ? null : "ram",
      instance_id: isEnd || isCommand ? null : header.instanceId ?? this.instance, version_id: header.versionId ?? null, offset: node.ofsSelf,
    };
    if (!isEnd && !isCommand) this.instance = section.instance_id;
    this.sections.push(section);
    if (node.isRam) this.ram(node, path);
    const footer = this.try(() => node.hasFooter && node.footer);
    if (footer) {
      this.footers = true;
      this.add("section_footer", `${path}/footer`, `footer of ${title}`, footer);
    }
    section.length = this.position - section.offset;
    return !isEnd;
  }

  ram(node, path) {
    const payload = this.try(() => node.ram) ?? node._m_ram;
    const records = payload && (this.try(() => payload.records) ?? payload._m_records);
    for (const record of records ?? []) {
      const memSize = this.try(() => record.memSize);
      if (memSize) {
        this.totals.push(memSize.total);
        this.add("mem_size", `${path}/mem_size`, "RAM_SAVE_FLAG_MEM_SIZE", memSize);
        for (const block of this.try(() => record.blocks) ?? record._m_blocks ?? []) this.block(block);
      } else if (record.isPage) {
        return;
      } else if (this.try(() => record.endOfSection)) {
        this.add("end_of_section", `${path}/eos`, "RAM_SAVE_FLAG_EOS", record.endOfSection);
      }
    }
  }

  block(node) {
    // Where the pages cannot stand, the header is read as if the size of the file were not known.
    const header = this.try(() => node.header) ?? this.try(() => {
      this.stream.seek(node.ofsSelf);
      return new Ram.RamblockHeader(this.stream, null, null, node.hasPageSize, node.hasXIgnoreShared, node.hasMappedRam, 0, 0);
    });
    if (!header) return;
    const path = `/ram/blocks[${this.blocks.length}]`, { idstr, mappedRam } = header;
    this.add("ramblock_header", path, `header of ${idstr}`, header);
    const block = { path, idstr, used_length: header.lenUsed, offset: node.ofsSelf, header_end: this.position, has_data: false };
    this.blocks.push(block);
    if (!mappedRam) return;
    const { version, pageSize, ofsBitmap, ofsPages } = mappedRam;
    const pages = pageSize ? Math.floor(header.lenUsed / pageSize) : 0;
    Object.assign(block, {
      version, page_size: pageSize, bitmap_offset: ofsBitmap, pages_offset: ofsPages, num_pages: pages,
      bitmap_size: Math.ceil(pages / 64) * 8, has_data: ofsBitmap !== 0 || ofsPages !== 0, header_start: this.position - HEADER,
    });
    if (block.has_data) this.position = Math.max(this.position, ofsPages + header.lenUsed);
  }

  /** Devices, by the lengths that the JSON text gives them, then the end and the text itself. */
  rest() {
    this.description = this.try(() => lengths(this.source));
    let title;
    while (this.sections.at(-1)?.type !== "eof") {
      const position = this.position, path = `/sections[${this.sections.length}]`;
      if (position >= this.source.size) {
        this.stopped ??= { code: "MR002", message: "the file ends where a section should begin", offset: position };
        return;
      }
      const type = this.source.read(position, 1)[0];
      if (type === SECTION.EOF) {
        this.add("end_of_stream", `${path}/header`, "EOF", this.parse(Section.EndOfStream, position));
        this.sections.push({ path, type: "eof", section_id: null, idstr: null, instance_id: null, version_id: null, offset: position, length: 1 });
        break;
      }
      const header = type === SECTION.FULL && this.try(() => this.parse(Section.SectionStart, position));
      const length = header && this.description?.take(header.idstr, header.instanceId);
      if (typeof length !== "number") {
        this.stopped ??= { code: "MR004", message: "a section that this page cannot parse", offset: position };
        return;
      }
      title = `FULL ${header.idstr}`;
      this.add("section_start", `${path}/header`, title, header);
      if (length) this.elements.push({ kind: "payload", path: `${path}/payload`, name: `payload of ${title}`, offset: this.position, end: this.position + length });
      this.position += length;
      if (this.footers && !this.footer(path, title, header.sectionId)) return;
      this.sections.push({
        path, type: "full", section_id: header.sectionId, idstr: header.idstr, instance_id: header.instanceId,
        version_id: header.versionId, offset: position, length: this.position - position,
      });
    }
    this.text();
  }

  footer(path, title, id) {
    const footer = this.try(() => this.parse(Section.SectionFooter, this.position));
    if (footer?.sectionId !== id) {
      this.stopped = { code: "MR004", message: `the end of ${title} is not where the JSON text says`, offset: this.position };
      return false;
    }
    this.add("section_footer", `${path}/footer`, `footer of ${title}`, footer);
    return true;
  }

  text() {
    const position = this.position, path = `/sections[${this.sections.length}]`;
    if (position >= this.source.size || this.source.read(position, 1)[0] !== SECTION.VMDESCRIPTION) return;
    const header = this.try(() => this.parse(Section.Vmdescription, position));
    if (!header) return;
    this.add("vmdescription", `${path}/header`, "VMDESCRIPTION", header);
    const end = Math.min(this.position + header.lenJson, this.source.size);
    this.elements.push({ kind: "text", path: `${path}/json`, name: "vmdescription text", offset: this.position, end });
    this.position = end;
    this.sections.push({ path, type: "vmdescription", section_id: null, idstr: null, instance_id: null, version_id: null, offset: position, length: end - position });
  }
}

function refusal(error) {
  if (error instanceof ShortError) return { code: "MR002", message: "the file ends within a structure", offset: error.offset };
  if (error instanceof UnrepresentableError) return { code: "MR004", message: "an offset or a length of 2^53 or more, which a browser cannot represent", offset: null };
  if (error.srcPath) return { code: "MR001", message: error.message, offset: error._io?.pos ?? null };
  throw error;
}

module.exports = { Walk };
