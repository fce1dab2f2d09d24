"use strict";
// Follows a snapshot, as mappedram/format/file.py declares it, and says what stands where: the
// structures with their fields, the blocks and the sections. Of a file that cannot be followed to
// its end, all that stands before that place. Source: spec/format.md.

const { WindowStream } = require("./window_stream");
const { Limit, Refusal, fieldsOf, parse } = require("./structures");
const { lengths } = require("./description");
const { live } = require("./live");
const { findFooter, isSectionStart } = require("./footer");
const { CAPABILITIES, COMMANDS, FOREIGN, QCOW2 } = require("./data");
const words = require("./words");

const MAGIC = "QEVM", LIBVIRT = ["LibvirtQemudSave", "LibvirtQemudPart"], LIBVIRT_HEADER = 92;
const TYPE = { EOF: 0, START: 1, PART: 2, END: 3, FULL: 4, SUBSECTION: 5, VMDESCRIPTION: 6, CONFIGURATION: 7, COMMAND: 8, FOOTER: 0x7e };
const NAMES = ["EOF", "START", "PART", "END", "FULL", "SUBSECTION", "VMDESCRIPTION", "CONFIGURATION", "COMMAND"];
const PACKAGED = Number(Object.entries(COMMANDS).find(([, name]) => name === "PACKAGED")[0]);
const POSTCOPY_ADVISE = Number(Object.entries(COMMANDS).find(([, name]) => name === "POSTCOPY_ADVISE")[0]);
const [MAPPED_RAM, IGNORE_SHARED] = ["mapped-ram", "x-ignore-shared"].map((name) => CAPABILITIES.find((one) => one === name));
const FLAGS = 0x3ff, CONTINUE = 0x20, MEM_SIZE = 0x04, EOS = 0x10;

const latin1 = (bytes) => String.fromCharCode(...bytes);
const isPageSize = (size) => size >= 256 && size <= 65536 && Number.isInteger(Math.log2(size));
const number = (bytes) => bytes.reduce((value, byte) => value * 256n + BigInt(byte), 0n);

class Walk {
  constructor(source, offset) {
    this.source = source;
    this.offset = this.position = offset;
    this.stream = new WindowStream(source);
    this.elements = [];
    this.areas = [];
    this.blocks = [];
    this.sections = [];
    this.totals = [];
    this.started = new Map();
    this.counts = { subsections: 0, records: 0 };
    this.footers = null;
    this.machine = null;
    this.capabilities = [];
    this.target_page_bits = null;
    this.uuid = null;
    this.image = null;
    this.mapped_ram = this.guessed = this.advised = false;
    /** Why `mappedram check` stops, too; and why only this page does. */
    this.stopped = this.limit = null;
    this.description = null;
  }

  /** Follow the file as far as it goes. */
  file() {
    try {
      this.container();
      this.snapshot();
    } catch (error) {
      if (error instanceof Limit) this.limit = { message: error.message, offset: error.offset };
      else if (error instanceof Refusal) this.stop(error);
      else throw error;
    }
    const last = this.sections.at(-1);
    if (last && last.length === null) this.close(last);
    return this;
  }

  stop({ kind, message, expected, actual, offset, path, length }) {
    // Without any structure, it is another kind of file.
    const first = this.elements.some((element) => element.path === "/header") || kind === "truncated";
    const other = !first && kind !== "unsupported";
    this.stopped = { kind: other ? "unsupported" : kind, message, expected, actual, offset, path, length: other ? null : length };
  }

  // Bytes at the position.

  peek(length, at = this.position) {
    const here = Math.min(at, this.source.size);
    return this.source.read(here, Math.max(Math.min(length, this.source.size - here), 0));
  }

  /** The next byte; undefined at the end of the file. */
  get next() {
    return this.peek(1)[0];
  }

  skip(length, element, field, told_by, what) {
    const end = this.position + length;
    if (end > this.source.size) {
      const values = { "what()": what, end, "self.source.size": this.source.size, "file_up_to(end)": words.fileUpTo(end) };
      const { offset, length: width } = place(element, field);
      throw new Refusal("truncated", words.defect("skip", values), offset, told_by, width);
    }
    this.position = end;
  }

  /** Parse the structure at the position, and go behind it. */
  structure(kind, path, name, params = {}) {
    const node = parse(kind, this.stream, this.position, params, path);
    const end = this.stream.pos, fields = [...fieldsOf(node, kind)];
    const element = { kind: "element", structure: kind, path, name: typeof name === "function" ? name(node) : name, offset: this.position, end, fields, node };
    this.elements.push(element);
    this.position = end;
    return element;
  }

  // What is around the stream.

  container() {
    const first = hexOf(this.peek(QCOW2.magic.length / 2, 0));
    if (first === QCOW2.magic) throw new Limit(`this is ${QCOW2.what}, and its internal snapshots are not read here`, 0);
    const head = this.peek(LIBVIRT_HEADER);
    if (LIBVIRT.includes(latin1(head.subarray(0, 16)))) this.libvirt(head);
    const packed = FOREIGN.find(({ magic, packed }) => packed !== null && hexOf(this.peek(magic.length / 2)) === magic);
    this.packed = packed ? packed.packed : null;
    if (packed && this.image) this.image.packed = packed.packed;
    if (packed) throw new Limit(`the stream is compressed with ${packed.what}, and this page does not decompress it`, this.position);
  }

  libvirt(head) {
    const begin = this.offset, version = number(head.slice(16, 20).reverse());
    const path = "/libvirt/header", is_be = version > 2n;
    this.image = { offset: begin, is_be };
    let element;
    try {
      element = this.structure("libvirt_header", path, "libvirt header", { is_be });
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      const field = error.path.slice(path.length + 1);
      const values = { "refusal.path": field, "offset + len(data)": begin + head.length, QEMU_SAVE_VERSION: 2, "refusal.actual": error.actual };
      if (error.kind === "truncated") throw new Refusal("truncated", words.defect("libvirt", values), error.offset, error.path);
      throw new Refusal("unsupported", words.defect("libvirt", values, 1), error.offset, error.path);
    }
    const { magic, dataLen, format, cookieOffset } = element.node;
    const end = this.position + dataLen, inside = cookieOffset > 0 && cookieOffset < dataLen;
    const cookie = inside ? this.position + cookieOffset : end;
    Object.assign(this.image, {
      element, magic, format, data_len: dataLen, cookie_offset: cookieOffset, stream_offset: end,
      xml: this.text(this.position, cookie), cookie: inside ? this.text(cookie, end) : null,
    });
    const texts = { kind: "text", path: "/libvirt/texts", name: "libvirt domain XML, cookie, slack", offset: this.position };
    this.elements.push({ ...texts, end: Math.min(end, this.source.size) });
    this.offset = this.position = end;
  }

  /** A text of the image up to its NUL, or to `end`. */
  text(begin, end) {
    const bytes = this.peek(Math.min(end - begin, 1 << 20), begin), nul = bytes.indexOf(0);
    return { offset: begin, length: nul < 0 ? bytes.length : nul, terminated: nul >= 0 };
  }

  refuseOthers() {
    const head = this.peek(16);
    if (latin1(head.subarray(0, 4)) === MAGIC) return;
    const values = { "_what_else(source, offset, head)": this.whatElse(head), head: head.slice(0, 4) };
    throw new Refusal("unsupported", words.refusal("magic", values), this.offset, "/header/magic", Math.min(head.length, MAGIC.length) || null);
  }

  whatElse(head) {
    if (!head.length) return words.returned("other", {}, this.source.size === 0 ? 0 : 1);
    const other = FOREIGN.find(({ magic }) => hexOf(head).startsWith(magic));
    if (other) {
      const advice = other.advice ? words.text("other", 0, { "other.advice": other.advice }) : words.text("other", 1);
      return words.returned("other", { "other.what": other.what, advice }, 3);
    }
    return words.returned("other", { "head[:4]": head.slice(0, 4) }, 4);
  }

  // The stream.

  snapshot() {
    this.refuseOthers();
    this.structure("stream_header", "/header", "stream header");
    if (this.next === TYPE.CONFIGURATION) this.configuration();
    for (;;) if (!this.section(`/sections[${this.sections.length}]`)) break;
    if (this.next === TYPE.VMDESCRIPTION) this.json(`/sections[${this.sections.length}]`);
  }

  configuration() {
    const { node } = this.structure("configuration_header", "/configuration/header", "configuration");
    this.machine = node.name;
    while (this.next === TYPE.SUBSECTION) {
      const path = `/configuration/subsections[${this.counts.subsections++}]`;
      const { node: one } = this.structure("configuration_subsection", path, ({ idstr }) => idstr);
      if (one.idstr === "configuration/capabilities") this.capabilities = one.body.capabilities.map(({ name }) => name);
      else if (one.idstr === "configuration/uuid") this.uuid = one.body.uuid;
      else this.target_page_bits = one.body.targetPageBits;
    }
    this.mapped_ram = this.capabilities.includes(MAPPED_RAM);
  }

  /** One section; false where it is the last one. */
  section(path) {
    const type = this.next;
    if (type === undefined) throw new Refusal("truncated", words.refusal("section"), this.position, `${path}/section_type`);
    if ([TYPE.START, TYPE.FULL].includes(type)) this.device(path, "section_start");
    else if ([TYPE.PART, TYPE.END].includes(type)) this.device(path, "section_part");
    else if (type === TYPE.COMMAND) this.command(path);
    else if (type === TYPE.EOF) this.close(this.open(path, this.structure("end_of_stream", `${path}/header`, "EOF")));
    else throw new Refusal("format", words.refusal("section", { kind: type }, 1), this.position, `${path}/section_type`);
    return type !== TYPE.EOF;
  }

  /** Note a section whose header was read. */
  open(path, header, about = {}) {
    const type = header.node.sectionType;
    const section = {
      path, type: NAMES[type].toLowerCase(), offset: header.offset, length: null, section_id: null, idstr: null,
      instance_id: null, version_id: null, header_length: header.end - header.offset, payload_offset: header.end,
      payload_length: 0, footer_id: null, ...about,
    };
    this.sections.push(section);
    return section;
  }

  /** The section ends here, behind a payload or a footer. */
  close(section, footer = null) {
    const end = Math.min(this.position, this.source.size);
    section.payload_length = Math.max((footer ? footer.offset : end) - section.payload_offset, 0);
    section.length = end - section.offset;
  }

  device(path, kind) {
    const title = ({ sectionType, sectionId, idstr = this.started.get(sectionId)?.idstr }) =>
      `${NAMES[sectionType]} ${idstr ?? `id ${sectionId}`}`;
    const header = this.structure(kind, `${path}/header`, title), { node } = header;
    const type = node.sectionType, id = node.sectionId;
    const whose = kind === "section_start" ? { idstr: node.idstr, instance_id: node.instanceId } : this.started.get(id) ?? { idstr: null, instance_id: null };
    const section = this.open(path, header, { section_id: id, version_id: node.versionId ?? null, ...whose });
    if (type === TYPE.START) this.started.set(id, whose);
    if (whose.idstr === "ram" && type !== TYPE.FULL) this.ram(path);
    else if (!live(this, path, header.name, whose.idstr)) this.opaque(path, header, type, id, whose);
    const there = this.next === TYPE.FOOTER;
    this.footers = there || this.footers || false;
    const footer = there ? this.structure("section_footer", `${path}/footer`, `footer of ${header.name}`) : null;
    section.footer_id = footer ? footer.node.sectionId : null;
    this.close(section, footer);
  }

  /** A payload of unknown length: the JSON text or the footer gives its end. */
  opaque(path, header, type, id, { idstr, instance_id }) {
    const start = this.position;
    this.position = this.endOf(path, type, id, idstr, instance_id);
    if (this.position > start) {
      this.elements.push({ kind: "payload", path: `${path}/payload`, name: `payload of ${header.name}`, offset: start, end: this.position });
    }
  }

  endOf(path, type, id, idstr, instance_id) {
    const start = this.position;
    this.description ??= lengths(this.source, this.offset) ?? { take: () => undefined, length: null };
    const told = type === TYPE.FULL ? this.description.take(idstr, instance_id) : undefined;
    if (told !== undefined) {
      const mark = this.peek(5, start + told);
      if (mark[0] === TYPE.FOOTER && mark.length === 5 && number(mark.slice(1)) === BigInt(id)) return start + told;
      if (this.footers === false && isSectionStart(this, start + told)) return start + told;
    }
    const found = this.footers === false ? null : findFooter(this, start, id);
    if (found !== null) return found;
    const legal = !this.footers && this.description.length === null;
    const saying = words.defect("end_of", { "payload.idstr or 'a section without START'": idstr || "a section without START" });
    throw new Refusal(legal ? "unsupported" : "format", saying, start, `${path}/payload`);
  }

  command(path) {
    const title = ({ command }) => `COMMAND ${COMMANDS[command] ?? words.hex(command)}`;
    const header = this.structure("command", `${path}/header`, title), { command, data } = header.node;
    const section = this.open(path, header, { command, data });
    if (command === POSTCOPY_ADVISE && data.length) this.advised = true;
    if (command === PACKAGED && data.length === 4) {
      this.skip(Number(number(data)), header, "data", `${path}/header/data`, words.end(0, {}));
      if (this.position > section.payload_offset) {
        this.elements.push({ kind: "payload", path: `${path}/payload`, name: `payload of ${header.name}`, offset: section.payload_offset, end: this.position });
      }
    }
    this.close(section);
  }

  json(path) {
    const header = this.structure("vmdescription", `${path}/header`, "VMDESCRIPTION");
    const section = this.open(path, header);
    const offset = this.position, end = Math.min(offset + header.node.lenJson, this.source.size);
    if (end > offset) this.elements.push({ kind: "text", path: `${path}/json`, name: "vmdescription text", offset, end });
    this.json_text = { offset, length: end - offset, declared: header.node.lenJson, header, path };
    this.position = end;
    this.close(section);
  }

  // RAM.

  get flags() {
    return Number(number(this.peek(8)) & BigInt(FLAGS & ~CONTINUE));
  }

  ram(path) {
    for (;;) {
      const flags = this.flags;
      if (flags === MEM_SIZE) this.list(path);
      else if (this.mapped_ram || flags === EOS) break;
      else throw new Limit("the pages of a stream without mapped-ram are not read here", this.position);
    }
    this.structure("end_of_section", `${path}/eos`, "RAM_SAVE_FLAG_EOS");
  }

  list(path) {
    const record = this.structure("mem_size", `${path}/mem_size`, "RAM_SAVE_FLAG_MEM_SIZE");
    const blocks = [];
    this.totals.push({ record, total: BigInt(record.fields[0].value) - BigInt(MEM_SIZE), blocks });
    if (this.machine === null) {
      const [version, size] = [[0, 4], [4, 12]].map(([from, to]) => number(this.behindUsedLength.slice(from, to)));
      this.mapped_ram = this.guessed = version <= 1n && isPageSize(Number(size));
    }
    while (this.next) blocks.push(this.block(`/ram/blocks[${this.blocks.length}]`));
  }

  /** The bytes behind `used_length` of the next block. */
  get behindUsedLength() {
    return this.peek(12, this.position + 1 + (this.next ?? 0) + 8);
  }

  hasHostPageSize() {
    const head = this.behindUsedLength;
    if (this.mapped_ram) return number(head.slice(8)) <= 1n;
    const size = Number(number(head.slice(0, 8)));
    return !this.capabilities.includes(IGNORE_SHARED) && size >= 4096 && size < 2 ** 56 && Number.isInteger(Math.log2(size));
  }

  block(path) {
    const params = {
      has_page_size: this.advised && this.hasHostPageSize(),
      has_addr: this.capabilities.includes(IGNORE_SHARED),
      has_mapped_ram: this.mapped_ram,
    };
    const element = this.structure("ramblock_header", path, ({ idstr }) => `header of ${idstr}`, params);
    const { idstr, lenUsed, mappedRam } = element.node;
    const block = { path, idstr, used_length: lenUsed, offset: element.offset, header_end: element.end, has_data: false, element };
    this.blocks.push(block);
    if (!mappedRam) return block;
    const { version, pageSize, ofsBitmap, ofsPages } = mappedRam;
    const pages = pageSize ? Math.floor(lenUsed / pageSize) : 0;
    Object.assign(block, {
      version, page_size: pageSize, bitmap_offset: ofsBitmap, pages_offset: ofsPages, num_pages: pages,
      bitmap_size: Math.ceil(pages / 64) * 8, has_data: ofsBitmap !== 0 || ofsPages !== 0,
    });
    if (block.has_data) this.pages(block, element);
    return block;
  }

  /** The stream continues behind the pages. */
  pages({ path, idstr, used_length, pages_offset }, element) {
    const stop = pages_offset + used_length, end = this.position, field = "mapped_ram/pages_offset";
    const names = { "c.header['idstr']": idstr };
    if (stop < end) {
      const values = { ...names, "c.pages.stop": stop, "c.pages.start": pages_offset, end, "end - c.header['used_length']": end - used_length };
      throw new Refusal("format", words.refusal("block", values), place(element, field).offset, `${path}/${field}`);
    }
    this.skip(stop - end, element, field, `${path}/${field}`, words.end(1, names));
  }
}

const hexOf = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

/** The place of a field of a structure. */
const place = ({ fields }, name) => {
  const { offset, end } = fields.find((field) => field.name === name);
  return { offset, length: end - offset };
};

module.exports = { Walk, isPageSize, place };
