"use strict";
// The findings of `mappedram check` that follow from headers, bitmaps and the JSON text: the same codes,
// places and words. What one field may hold is data; the rules about several structures are here.

const { accepts, danger } = require("./validity");
const { described, parsed } = require("./description");
const { isPageSize, place } = require("./walk");
const { CAPABILITIES, COMMANDS, COMMANDS_OF_A_FILE, COMMANDS_WHERE, COMMAND_LENGTHS, FIELD_RULES, FINDINGS_MAX, FORMATS, KEYS, LIBVIRT, LIVE, MORE, SUBSECTION_ORDER } = require("./data");
const { defect, fileUpTo, hex, printable, returned, repr, text } = require("./words");

const MIB = 1 << 20;
const STARTED = ["start", "full"], LOADED = ["start", "part", "end", "full"];
const MEM_SIZE = 4n, EOS = 16, WORD = 8;
const RESIZEABLE = "/rom@", IGNORE_SHARED = "x-ignore-shared";

/** A range of bytes with the path of the structure there. */
const range = (offset, length, path) => ({ offset, length, path });
const field = (element, name) => ({ ...place(element, name), path: `${element.path}/${name}` });
const header = (section) => range(section.offset, section.header_length, section.path);
const upper = ({ type }) => type.toUpperCase();

function groupBy(items, keyOf) {
  const groups = new Map();
  for (const item of items) {
    const key = keyOf(item);
    if (groups.has(key)) groups.get(key).push(item);
    else groups.set(key, [item]);
  }
  return groups;
}

class Facts {
  constructor(walk) {
    Object.assign(this, walk);
    this.source = walk.source;
    this.end = Math.min(walk.position, walk.source.size);
    this.ended = walk.sections.some(({ type }) => type === "eof");
    this.eof = walk.sections.find(({ type }) => type === "eof");
    this.ram_start = walk.sections.find(({ type, idstr }) => type === "start" && idstr === "ram");
    const ends = walk.sections.filter(({ type, idstr }) => type === "end" && idstr === "ram").map(({ path }) => `${path}/eos`);
    this.ram_ended = walk.elements.some(({ path }) => ends.includes(path));
    this.headers = walk.blocks.filter((block) => block.version !== undefined);
    this.located = this.headers.filter((b) => b.bitmap_offset && b.pages_offset && isPageSize(b.page_size) && b.used_length % b.page_size === 0);
    const types = new Set(walk.sections.map(({ type }) => type));
    this.by_kind = groupBy(walk.elements, ({ structure }) => structure);
    this.by_path = new Map([...walk.elements].reverse().map((element) => [element.path, element]));
    /** The JSON text: behind EOF, or where a search for it found one at the end of the file. */
    this.description_text = walk.json_text ?? (walk.description?.document ? walk.description : null);
    this.devices_only = walk.machine === null && types.size === 2 && types.has("full") && types.has("eof");
    /** Read to the end, or to where `mappedram check` stops, too. */
    this.whole = !walk.stopped && !walk.limit;
  }

  of(...types) {
    return this.sections.filter(({ type }) => types.includes(type));
  }

  structures(kind) {
    return this.by_kind.get(kind) ?? [];
  }

  element(section, part = "header") {
    return this.by_path.get(`${section.path}/${part}`);
  }

  /** Whether all of RAM was passed before the walk stopped at a device. */
  get undivided() {
    const last = this.sections.at(-1), before = this.sections.slice(0, -1);
    if (!last || this.stopped?.kind !== "unsupported") return false;
    const passed = new Set(before.filter(({ idstr }) => idstr === "ram").map(({ type }) => type));
    return last.idstr !== "ram" && (passed.has("end") || (last.type === "full" && passed.has("part")));
  }
}

// Why reading stopped.

function* stopped(facts) {
  if (!facts.stopped) return;
  const { kind, message, expected, actual, offset, path, length } = facts.stopped;
  const code = { truncated: "MR002", format: "MR001" }[kind] ?? (facts.undivided ? "MR020" : "MR004");
  yield [code, { message, expected, actual }, range(offset, length, path)];
}

// Rules about one field.

function* ofFields(facts) {
  for (const [code, rules] of groupBy(FIELD_RULES, (rule) => rule.code)) {
    yield* limited(code, rules.flatMap((rule) => [...ofField(facts, rule)]));
  }
}

function* ofField(facts, rule) {
  const path = [...rule.steps, rule.name].join("/");
  for (const element of facts.structures(rule.kind)) {
    const values = new Map(element.fields.map(({ name, value }) => [name, value]));
    for (const one of element.fields) {
      if (one.name.replace(/\[\d+\]/g, "") !== path) continue;
      const around = one.name.slice(0, one.name.length - rule.name.length);
      const demanded = demand(rule, values, around, one.value);
      if (demanded) yield [broken(rule, element, values, around, one, demanded), field(element, one.name)];
    }
  }
}

/** What a field should hold, if it does not. */
function demand(rule, values, around, value) {
  for (const [path, validity] of Object.entries(rule.where)) {
    const other = values.get(around + path);
    if (other === undefined || !accepts(validity, other)) return null;
  }
  const chosen = rule.depends ? rule.depends.find((one) => values.get(around + one.field) === one.value) : rule;
  return chosen && !accepts(chosen.validity, value) ? chosen : null;
}

function broken({ code, hexadecimal }, element, values, around, { value }, { text: expected }) {
  const other = values.get(`${around}pages_offset`) ? 0 : 1;
  const given = {
    "broken.number": value, "broken.value": value, "broken.expected": expected, "broken.idstr": values.get("idstr"),
    "broken.element.offset": element.offset, "broken.element.values['used_length']": values.get("used_length"),
    "broken.values['section_id']": values.get("section_id"), "header['page_size']": values.get("mapped_ram/page_size"),
    "Harmless().danger(broken.text)": typeof value === "string" ? danger(value) ?? "" : "",
    name: code === "MR208" ? text(code, other) : COMMANDS[values.get("command")],
  };
  return { message: returned(code, given), expected: expected || null, actual: hexadecimal ? hex(value) : String(value) };
}

// Rules about several structures.

const RULES = {
  *MR003({ mapped_ram, ended, eof, ram_start, ram_ended }) {
    if (mapped_ram && ended && ram_start && !ram_ended) {
      yield [defect("end", { "end.offset": eof.offset, consequence: text("MR003") }), range(eof.offset, eof.length, eof.path)];
    }
  },
  *MR006({ ended, eof, ram_start, devices_only }) {
    if (ended && !ram_start && !devices_only) yield [defect("MR006", { "end.offset": eof.offset }), range(eof.offset, eof.length, eof.path)];
  },
  *MR007({ guessed, elements }) {
    if (guessed) yield [defect("MR007"), range(elements.find(({ path }) => path === "/header").end, 1, "/configuration")];
  },
  *MR010(facts) {
    let last = -1;
    for (const element of facts.structures("configuration_subsection")) {
      const { idstr } = element.node, position = SUBSECTION_ORDER.indexOf(idstr);
      if (position <= last) {
        const values = { "element.values['idstr']": idstr, "SUBSECTION_ORDER[last]": SUBSECTION_ORDER[last], "', '.join(SUBSECTION_ORDER)": SUBSECTION_ORDER.join(", ") };
        yield [defect("MR010", values), field(element, "idstr")];
      }
      last = Math.max(last, position);
    }
  },
  *MR013(facts) {
    for (const element of facts.structures("configuration_subsection")) {
      let last = -1;
      for (const [index, { name }] of (element.node.body.capabilities ?? []).entries()) {
        const position = CAPABILITIES.indexOf(name);
        if (position < 0) continue;
        if (position <= last) {
          const values = { "entry['name']": name, "CAPABILITIES[last]": CAPABILITIES[last], "', '.join(CAPABILITIES)": CAPABILITIES.join(", ") };
          yield [defect("MR013", values), field(element, `body/capabilities[${index}]/name`)];
        }
        last = Math.max(last, position);
      }
    }
  },
  *MR019({ devices_only, eof }) {
    if (devices_only) yield [defect("MR019"), range(eof.offset, eof.length, eof.path)];
  },
  *MR022(facts) {
    for (const section of facts.of("part", "end")) {
      if (section.idstr !== null) continue;
      const values = { "section.type.name": upper(section), "section.section_id": section.section_id };
      yield [defect("MR022", values), field(facts.element(section), "section_id")];
    }
  },
  *MR023(facts) {
    const seen = new Set();
    for (const section of facts.of("start", "end", "full")) {
      const key = JSON.stringify([section.type, section.section_id, section.idstr, section.instance_id]);
      if (section.idstr && seen.has(key)) yield [defect("MR023", { "section.type.name": upper(section), "section.idstr": section.idstr }), header(section)];
      seen.add(key);
    }
  },
  *MR024(facts) {
    for (const section of facts.of(...LOADED)) {
      if (section.footer_id === null || section.footer_id === section.section_id) continue;
      const values = { "_called(section)": called(section), "section.footer_id": section.footer_id, "section.section_id": section.section_id };
      yield [defect("MR024", values), field(facts.element(section, "footer"), "section_id")];
    }
  },
  *MR025(facts) {
    if (facts.of(...LOADED).every(({ footer_id }) => footer_id === null)) return;
    for (const section of facts.sections.slice(0, -1)) {
      if (!LOADED.includes(section.type) || section.footer_id !== null) continue;
      const end = section.payload_offset + section.payload_length, [byte] = facts.source.read(end, 1);
      const values = { "_called(section)": called(section), "context.source.read(section.payload_end, 1).hex()": byte.toString(16).padStart(2, "0") };
      yield [defect("MR025", values), range(end, 1, `${section.path}/footer`)];
    }
  },
  *MR033(facts) {
    for (const section of facts.of("command")) {
      if (!(section.command in COMMAND_LENGTHS)) continue;
      if (COMMANDS_OF_A_FILE.some(([command, size]) => command === section.command && size === section.data.length)) continue;
      const values = { "command.name": COMMANDS[section.command], where: COMMANDS_WHERE[section.command] ?? "" };
      yield [defect("MR033", values), field(facts.element(section), "command")];
    }
  },
  *MR034(facts) {
    const first = facts.of("end")[0]?.offset, seen = new Set();
    const last = Math.max(0, ...facts.of("part").map(({ offset }) => offset).filter((offset) => offset < (first ?? 0)));
    const limits = { SWITCHOVER_START: [last, first ?? facts.end], POSTCOPY_ADVISE: [0, facts.ram_start?.offset ?? facts.end] };
    for (const section of facts.of("command")) {
      const name = COMMANDS[section.command], again = seen.has(name);
      if (!limits[name]) continue;
      seen.add(name);
      const [begin, behind] = limits[name];
      if (!again && begin <= section.offset && section.offset < behind) continue;
      const values = {
        name, again, "section.offset": section.offset,
        "'once' if again else f'{first:#x} to {behind:#x}'": again ? "once" : `${hex(begin)} to ${hex(behind)}`,
      };
      yield [defect("MR034", values), header(section)];
    }
  },
  *MR041({ ended, whole, end, json_text }) {
    if (ended && whole && !json_text) yield [defect("MR041", { "stream.end": end }), range(end, 0, "/vmdescription")];
  },
  *MR042({ json_text, source }) {
    if (!json_text) return;
    const { offset, length, declared, header: element, path, document } = json_text;
    if (declared > length) {
      yield [defect("MR042", { declared, "description.length": length }), field(element, "vmdesc_len")];
    } else if (document) {
      const ascii = source.read(offset, length).every((byte) => byte >= 0x20 && byte < 0x7f);
      const key = Object.keys(KEYS).find((one) => !IS_OF[KEYS[one]](document[one]));
      if (ascii && !key) return;
      const problem = ascii ? returned("problem", { key, "kind.__name__": KEYS[key] }, 1) : returned("problem");
      yield [defect("MR042", { "description.offset": offset, problem }, 1), range(offset, length, `${path}/json`)];
    }
  },
  *MR043({ ended, whole, end, source }) {
    if (!ended || !whole || end === source.size) return;
    yield [defect("MR043", { length: source.size - end, "stream.end": end }), range(end, source.size - end, "/after_the_stream")];
  },
  *MR044(facts) {
    for (const [number, section, device] of pairs(facts)) {
      const described = device === null ? null : [entry(device, "name"), entry(device, "instance_id")];
      const present = section && [section.idstr, section.instance_id];
      if (same(described, present)) continue;
      const values = { number, "_shown(described)": shown(described), "_shown(present)": shown(present) };
      yield [defect("MR044", values), describedAt(facts, `devices[${number}]`)];
      return; // what follows is shifted
    }
  },
  *MR045(facts) {
    for (const [number, section, device] of pairs(facts)) {
      if (!section || !device || !same([entry(device, "name"), entry(device, "instance_id")], [section.idstr, section.instance_id])) continue;
      const version = device.version === undefined ? section.version_id : device.version;
      if (version === section.version_id) continue;
      const values = { "section.idstr": section.idstr, "section.version_id": section.version_id, "_SHORT.repr(version)": short(version) };
      yield [defect("MR045", values), describedAt(facts, `devices[${number}]/version`)];
    }
  },
  *MR046(facts) {
    const lengths = described(documentOf(facts));
    for (const section of facts.of("full")) {
      const length = lengths.take(section.idstr, section.instance_id);
      if (length === undefined || length === section.payload_length) continue;
      const values = { "section.idstr": section.idstr, "section.payload_length": section.payload_length, length };
      yield [defect("MR046", values), range(section.payload_offset, section.payload_length, `${section.path}/payload`)];
    }
  },
  *MR051(facts) {
    for (const [section, owner, live] of taken(facts)) if (live) yield shared(facts, section, owner);
  },
  *MR052(facts) {
    const numbers = new Map();
    for (const section of facts.of(...STARTED)) {
      const key = device(section), first = numbers.get(key) ?? section.section_id;
      numbers.set(key, first);
      if (section.section_id === first) continue;
      const values = { "section.idstr": section.idstr, "section.section_id": section.section_id, first };
      yield [defect("MR052", values), field(facts.element(section), "section_id")];
    }
    for (const [section, owner, live] of taken(facts)) if (!live) yield shared(facts, section, owner);
  },
  *MR053(facts) {
    if (!facts.ended || !facts.ram_ended) return;
    const ended = new Set(facts.of("end").map(({ section_id }) => section_id));
    for (const section of facts.of("start")) {
      if (!ended.has(section.section_id) && needsEnd(facts, section)) yield [defect("MR053", { "section.idstr": section.idstr }), header(section)];
    }
  },
  *MR054(facts) {
    let reached = "start";
    for (const section of facts.of(...LOADED)) {
      if (LOADED.indexOf(section.type) < LOADED.indexOf(reached)) {
        const values = { "section.type.name": upper(section), "section.idstr": section.idstr, "reached.name": reached.toUpperCase() };
        yield [defect("MR054", values), header(section)];
      } else if (section.type !== "full" || reached !== "start") reached = section.type;
    }
  },
  *MR101({ blocks }) {
    const seen = new Set();
    for (const block of blocks) {
      if (seen.has(block.idstr)) yield [defect("MR101", { "block.idstr": block.idstr }), field(block.element, "idstr")];
      seen.add(block.idstr);
    }
  },
  *MR102(facts) {
    for (const { record, total, blocks } of complete(facts)) {
      const actual = blocks.reduce((sum, { used_length }) => sum + BigInt(used_length), 0n);
      if (total === actual) continue;
      const values = { total, actual, "actual | RAM_SAVE_FLAG_MEM_SIZE": actual + MEM_SIZE, "record.values['total_and_flags']": total + MEM_SIZE };
      yield [defect("MR102", values), field(record, "total_and_flags")];
    }
  },
  *MR103({ totals }) {
    for (const { record, total } of totals.slice(1)) {
      const values = { "record.offset": record.offset, RAM_SAVE_FLAG_EOS: EOS, "record.values['total_and_flags']": total + MEM_SIZE };
      yield [defect("MR103", values), field(record, "total_and_flags")];
    }
  },
  *MR106({ blocks }) {
    let before = null;
    for (const block of blocks) {
      if (block.idstr.startsWith(RESIZEABLE)) continue;
      if (before && block.used_length > before.used_length) {
        const values = { "block.idstr": block.idstr, "block.used_length": block.used_length, "before.idstr": before.idstr, "before.used_length": before.used_length };
        yield [defect("MR106", values), field(block.element, "used_length")];
      }
      before = block;
    }
  },
  *MR107(facts) {
    const record = facts.ram_start && facts.element(facts.ram_start, "eos");
    if (record && !facts.totals.length) yield [defect("MR107", { "record.offset": record.offset }), field(record, "flags")];
  },
  *MR108(facts) {
    for (const { blocks } of complete(facts)) {
      const last = blocks.at(-1);
      if (last?.used_length === 0) yield [defect("MR108", { "blocks[-1].values['idstr']": last.idstr }), field(last.element, "used_length")];
    }
  },
  *MR202(facts) {
    for (const b of irregular(facts)) {
      if (b.pages_offset % MIB && b.pages_offset % b.page_size === 0) yield [defect("MR202", offsets(b)), pagesOffset(b)];
    }
  },
  *MR203(facts) {
    for (const b of irregular(facts)) {
      const usual = aligned(b, MIB);
      if (b.pages_offset % MIB === 0 && b.pages_offset !== usual) yield [defect("MR203", { ...offsets(b), usual }), pagesOffset(b)];
    }
  },
  *MR205(facts) {
    const declared = pageSizes(facts), counts = new Map();
    for (const { size } of declared) counts.set(size, (counts.get(size) ?? 0) + 1);
    const most = Math.max(...counts.values()), usual = [...counts.keys()].find((size) => counts.get(size) === most);
    for (const { who, size, where } of declared) {
      if (size !== usual) yield [defect("MR205", { who, size, usual }), where()];
    }
  },
  *MR207({ headers }) {
    for (const b of headers) {
      if (b.bitmap_offset === 0 || b.bitmap_offset === b.header_end) continue;
      yield [defect("MR207", { ...offsets(b), "block.header_end": b.header_end }), field(b.element, "mapped_ram/bitmap_offset")];
    }
  },
  *MR210({ headers, capabilities }) {
    if (capabilities.includes(IGNORE_SHARED)) return;
    for (const b of headers.filter(({ has_data }) => !has_data)) {
      yield [defect("MR210", { "block.idstr": b.idstr, CAPABILITY_X_IGNORE_SHARED: IGNORE_SHARED }), field(b.element, "mapped_ram/bitmap_offset")];
    }
  },
  *MR211(facts) {
    const align = alignment(facts), [first] = withPages(facts);
    if (first && align !== null && align !== MIB) {
      yield [defect("MR211", { align, MAPPED_RAM_FILE_OFFSET_ALIGNMENT: MIB }), pagesOffset(first)];
    }
  },
  *MR301({ judged, order }) {
    for (const block of judged) {
      if (!block.beyond) continue;
      const values = {
        "block.idstr": block.idstr, "block.num_pages": block.num_pages, count: block.beyond,
        "context.snapshot.byteorder": order, "block.model.word_size": WORD,
      };
      yield [defect("MR301", values), range(block.bitmap_offset, block.bitmap_size, `${block.path}/bitmap`)];
    }
  },
  *MR305({ judged, blocks, order, evident }) {
    if (!evident || order !== "big") return;
    const first = (judged.length ? judged : blocks).find(({ has_data }) => has_data);
    yield [defect("MR305"), range(first.bitmap_offset, first.bitmap_size, `${first.path}/bitmap`)];
  },
  *MR401({ overlaps }) {
    const told = new Set();
    for (const [first, second] of overlaps) {
      const areas = [first, second].filter(isArea).map(({ path }) => path);
      if (areas.every((path) => told.has(path))) continue;
      areas.forEach((path) => told.add(path));
      const values = {
        "second.name": second.name, "second.offset": second.offset, "first.name": first.name, "first.offset": first.offset, "first.end": first.end,
      };
      yield [defect("MR401", values), range(second.offset, Math.min(first.end, second.end) - second.offset, second.path)];
    }
  },
  *MR402({ located, source }) {
    for (const { idstr, element, bitmap_offset: offset, bitmap_size: size } of located) {
      const end = offset + size;
      if (end <= source.size) continue;
      const values = {
        "block.idstr": idstr, offset, "offset + size": end, "context.stream.file_size": source.size, "file_up_to(offset + size)": fileUpTo(end),
      };
      yield [defect("MR402", values), field(element, "mapped_ram/bitmap_offset")];
    }
  },
  *MR404({ located, offset: begin }) {
    for (const block of located) {
      for (const name of ["bitmap_offset", "pages_offset"]) {
        if (block[name] >= begin) continue;
        const values = { name, offset: block[name], "block.idstr": block.idstr, "context.stream.offset": begin };
        yield [defect("MR404", values), field(block.element, `mapped_ram/${name}`)];
      }
    }
  },
  *MR501(facts) {
    const { image } = facts;
    if (image?.magic && image.magic !== SAVED && isComplete(facts)) yield [defect("MR501", marks(image)), field(image.element, "magic")];
  },
  *MR502(facts) {
    const { image, limit } = facts;
    if (image?.magic && image.magic !== SAVED && !limit && !isComplete(facts)) yield [defect("MR502", marks(image)), field(image.element, "magic")];
  },
  *MR503(facts) {
    const { image } = facts;
    if (!image?.element) return;
    const found = formatFound(facts), name = FORMATS[image.format] ?? null;
    if (name !== null && (found === null || found === image.format)) return;
    const seen = found !== null ? text("MR503", 0, { "found.name.lower()": FORMATS[found] }) : text("MR503", 1);
    const expected = found !== null ? `${found} (${FORMATS[found]})` : "<= 6";
    const values = {
      "_says(_about_format(image.format, found))": says(aboutFormat(image, found)),
      "image.format": image.format, "image.format_name or 'unknown'": name ?? "unknown", seen, "str(image.format)": image.format,
      "f'{found:d} ({found.name.lower()})' if found is not None else '<= 6'": expected,
    };
    yield [defect("MR503", values), field(image.element, "format")];
  },
  *MR505({ image }) {
    if (!image?.xml || (image.xml.length && image.xml.terminated)) return;
    const problem = text("MR505", image.xml.length ? 1 : 0);
    const said = says(image.xml.length ? null : LIBVIRT.NO_TEXT);
    yield [defect("MR505", { problem, "_says(_NO_TEXT if problem == 'empty' else None)": said }), range(image.xml.offset, image.xml.length, "/libvirt/domain_xml")];
  },
  *MR506({ image }) {
    if (!image?.element) return;
    const { cookie, cookie_offset, data_len } = image;
    if (cookie_offset && !cookie) {
      const expected = data_len ? `< ${hex(data_len)}` : "0";
      const values = { "image.cookie_offset": cookie_offset, "image.data_len": data_len, "f'< {image.data_len:#x}' if image.data_len else '0'": expected };
      yield [defect("MR506", values), field(image.element, "cookie_offset")];
    } else if (cookie && !cookie.terminated) {
      yield [defect("MR506", {}, 1), range(cookie.offset, cookie.length, "/libvirt/cookie")];
    }
  },
  *MR508({ image, mapped_ram, evident, order }) {
    if (!image?.element || !mapped_ram || !evident) return;
    const own = image.is_be ? "big" : "little";
    if (own !== order) yield [defect("MR508", { "image.byteorder": own, "snapshot.byteorder": order }), field(image.element, "version")];
  },
  *MR509({ image, source }) {
    if (!image?.element || image.stream_offset < source.size) return;
    const values = {
      "_says(_about_texts(image))": says(aboutTexts(image, source)), "image.stream_offset": image.stream_offset, "image.file_size": source.size, "file_up_to(image.stream_offset + 1)": fileUpTo(image.stream_offset + 1),
    };
    yield [defect("MR509", values), field(image.element, "data_len")];
  },
};

const SAVED = "LibvirtQemudSave", RAW = 0, SPARSE = 6;
const IS_OF = { int: Number.isInteger, list: Array.isArray };

/** The description of a stream that was followed to its end. */
const documentOf = ({ whole, ended, description_text }) => (whole && ended ? description_text?.document ?? null : null);

/** Each FULL section with the device at the same place of the description; null where one has more. */
function* pairs(facts) {
  const devices = documentOf(facts)?.devices, sections = facts.of("full");
  if (!Array.isArray(devices)) return;
  for (let number = 0; number < Math.max(devices.length, sections.length); number++) {
    yield [number, sections[number] ?? null, devices[number] ?? null];
  }
}

const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);
const entry = (value, key) => (isObject(value) ? value[key] ?? null : null);
const same = (one, other) => (one && other ? one.every((value, index) => value === other[index]) : one === other);
const describedAt = ({ description_text: { offset, length } }, name) => range(offset, length, `/vmdescription/${name}`);

const SHORT_MAX = 100;
/** A value of the description as Python shows it; a long text without its middle. */
function short(value) {
  const whole = typeof value === "boolean" ? (value ? "True" : "False") : repr(isObject(value) || Array.isArray(value) ? JSON.stringify(value) : value);
  const begin = Math.floor((SHORT_MAX - 3) / 2);
  return whole.length <= SHORT_MAX ? whole : `${whole.slice(0, begin)}...${whole.slice(whole.length - (SHORT_MAX - 3 - begin))}`;
}

const shown = (device) => (device === null ? "missing" : device.map(short).join(" "));

/** What libvirt says of the image; nothing without words. */
const says = (words) => (words ? returned("says", { words }) : "");

function aboutFormat({ format }, found) {
  if (!(format in FORMATS)) return returned("about_format", { number: format });
  return format === SPARSE && found === RAW ? LIBVIRT.NOT_SPARSE : null;
}

function aboutTexts({ cookie_offset, data_len, stream_offset }, { size }) {
  if (!data_len) return returned("about_texts", { "image.data_len": data_len });
  if (size < LIBVIRT.HEADER_SIZE + (cookie_offset || data_len)) return returned("about_texts", {}, 1);
  return size < stream_offset && cookie_offset ? returned("about_texts", {}, 2) : null;
}

const marks = ({ magic }) => ({ "_says(_INCOMPLETE)": says(LIBVIRT.INCOMPLETE), QEMU_SAVE_MAGIC: SAVED, "container.image.magic": magic });
const isComplete = ({ ended, ram_ended, mapped_ram, stopped: why, limit }) => !limit && !why && ended && (ram_ended || !mapped_ram);

/** The format of the stream in an image, from its own bytes. */
function formatFound({ image, machine, blocks, mapped_ram, source }) {
  if (image.stream_offset >= source.size) return null;
  if (image.packed) return image.packed;
  return machine === null && !blocks.length ? null : mapped_ram ? SPARSE : RAW;
}

/** Whether the device of a START section always writes END as well. */
function needsEnd(facts, { idstr, path }) {
  if (idstr !== LIVE.DIRTY_BITMAP_IDSTR) return LIVE.ALWAYS_ENDED.some((end) => idstr.endsWith(end));
  const chunks = facts.structures("dirty_bitmap_chunk").filter((chunk) => chunk.path.startsWith(`${path}/`));
  return chunks.some(({ fields }) => fields[0].value & LIVE.DIRTY_BITMAP_START);
}

const called = (section) => returned("called", { "section.type.name": upper(section), "section.idstr": section.idstr });
const device = ({ idstr, instance_id }) => `${idstr}\0${instance_id}`;

/** Sections with the section_id of another device, that device, and whether one of them is live. */
function* taken(facts) {
  const owners = new Map(), live = new Set();
  for (const section of facts.of("start", "end", "full")) {
    const id = section.section_id;
    if (section.type === "end") {
      live.delete(id);
      continue;
    }
    if (!owners.has(id)) owners.set(id, section);
    const owner = owners.get(id), starts = section.type === "start";
    if (device(owner) !== device(section)) yield [section, owner, starts || live.has(id)];
    if (starts) live.add(id);
  }
}

const shared = (facts, section, owner) => {
  const values = { "section.type.name": upper(section), "section.idstr": section.idstr, "section.section_id": section.section_id, "owner[0]": owner.idstr };
  return [defect("shared", values), field(facts.element(section), "section_id")];
};

/** The lists of blocks that were read to their end. */
const complete = ({ totals, elements }) => totals.filter(({ record, blocks }) => {
  const last = blocks.at(-1)?.element ?? record, behind = elements[elements.indexOf(last) + 1];
  return behind && ["mem_size", "end_of_section"].includes(behind.structure);
});

const offsets = (b) => ({
  "block.idstr": b.idstr, "header.pages_offset": b.pages_offset, "header.bitmap_offset": b.bitmap_offset, MAPPED_RAM_FILE_OFFSET_ALIGNMENT: MIB,
});
const pagesOffset = (b) => field(b.element, "mapped_ram/pages_offset");
const withPages = ({ headers }) => headers.filter((b) => b.pages_offset && isPageSize(b.page_size));
const irregular = (facts) => (alignment(facts) === null ? withPages(facts) : []);
const aligned = (b, align) => Math.ceil((b.header_end + b.bitmap_size) / align) * align;

/** The power of two to which the pages of all blocks are aligned; null if there is none. */
function alignment({ blocks }) {
  const stored = blocks.filter(({ has_data }) => has_data);
  const powers = Array.from({ length: 23 }, (_, index) => 2 ** (8 + index));
  return [MIB, ...powers].find((align) => stored.every((b) => b.pages_offset === aligned(b, align))) ?? null;
}

function pageSizes(facts) {
  const found = [];
  for (const element of facts.structures("configuration_subsection")) {
    const bits = element.node.body.targetPageBits;
    if (bits === undefined) continue;
    found.push({ who: "the configuration", size: bits < 64 ? 2 ** bits : 0, where: () => field(element, "body/target_page_bits") });
  }
  const { description_text: text } = facts, declared = text?.document?.page_size;
  if (Number.isInteger(declared)) {
    found.push({ who: "the JSON description", size: declared, where: () => range(text.offset, text.length, "/vmdescription/page_size") });
  }
  for (const b of facts.headers) {
    if (isPageSize(b.page_size)) found.push({ who: `block ${repr(b.idstr)}`, size: b.page_size, where: () => field(b.element, "mapped_ram/page_size") });
  }
  return found;
}

const isArea = ({ kind }) => kind === "bitmap" || kind === "pages";

/** Pairs of an earlier part of the file and one that begins inside it. */
function overlaps({ elements, located, source }) {
  const areas = located.flatMap(({ path, idstr, bitmap_offset, bitmap_size, pages_offset, used_length }) => [
    { kind: "bitmap", name: `bitmap of ${idstr}`, path: `${path}/bitmap`, offset: bitmap_offset, end: bitmap_offset + bitmap_size },
    { kind: "pages", name: `pages of ${idstr}`, path: `${path}/pages`, offset: pages_offset, end: pages_offset + used_length },
  ]);
  const stream = elements.filter(({ path }) => !path.startsWith("/libvirt"));
  const claims = [...stream, ...areas].map((claim) => ({ ...claim, end: Math.min(claim.end, source.size) }))
    .filter(({ offset, end }) => end > offset).sort((one, other) => one.offset - other.offset || one.end - other.end);
  const found = [];
  let reaching = null;
  for (const claim of claims) {
    if (reaching && claim.offset < reaching.end) found.push([reaching, claim]);
    if (!reaching || claim.end > reaching.end) reaching = claim;
  }
  return found;
}

/** The blocks whose bitmap and pages are inside the file and overlap nothing. */
function judgedBlocks({ located, offset, source }, pairs) {
  const touched = new Set(pairs.flat().map(({ path }) => path.replace(/\/[^/]*$/, "")));
  return located.filter((b) => !touched.has(b.path) && offset <= b.bitmap_offset && b.bitmap_offset + b.bitmap_size <= source.size
    && offset <= b.pages_offset && b.pages_offset + b.used_length <= source.size);
}

/** The findings of one rule: a hostile file can have very many. */
function* limited(code, findings) {
  let left = FINDINGS_MAX;
  for (const [saying, where] of findings) {
    if (left-- > 0) yield [code, saying, where];
    else return yield [code, { message: MORE, expected: null, actual: null }, range(null, null, "")];
  }
}

/** Codes of the rules that this page applies. */
const CODES = ["MR001", "MR002", "MR004", "MR020", ...new Set([...FIELD_RULES.map(({ code }) => code), ...Object.keys(RULES)])].sort();

/** The findings, by place and code; `bitmaps` has the byte order. */
function judge(walk, bitmaps) {
  if (walk.json_text) walk.json_text.document = parsed(walk.source.read(walk.json_text.offset, walk.json_text.length));
  const facts = Object.assign(new Facts(walk), bitmaps);
  facts.overlaps = overlaps(facts);
  facts.judged = judgedBlocks(facts, facts.overlaps);
  // Without a stream, only the rules about the image around it say something.
  const begun = walk.elements.some(({ path }) => path === "/header");
  const found = [...stopped(facts), ...ofFields(facts)];
  for (const [code, rule] of Object.entries(RULES)) {
    if (begun || code.startsWith("MR5")) found.push(...limited(code, rule(facts)));
  }
  const at = ({ offset }) => offset ?? -1;
  return found.map(([code, { message, expected, actual }, where]) => ({
    code, message: printable(message), expected: expected && printable(expected), actual: actual && printable(actual), ...where,
  })).sort((one, other) => at(one) - at(other) || (one.code < other.code ? -1 : one.code > other.code ? 1 : 0));
}

module.exports = { CODES, judge };
