// Shows what the worker has read of a file, with the styles and the script of `layout --html`.
"use strict";
(() => {
  const { KINDS, RULES, CLAUSES, STRIP, SAMPLE } = mappedramData;
  const SVG = "http://www.w3.org/2000/svg";
  const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
  const COLUMNS = 64, LEVELS = 6;

  // Text is set as text: no name in a file becomes markup.
  const element = (namespace) => (name, attributes, ...children) => {
    const made = namespace ? document.createElementNS(namespace, name) : document.createElement(name);
    for (const [key, value] of Object.entries(attributes ?? {})) {
      if (value !== null && value !== undefined && value !== false) made.setAttribute(key, value === true ? "" : value);
    }
    made.append(...children.filter((child) => child !== null && child !== undefined));
    return made;
  };
  const h = element(null), s = element(SVG);
  const hex = (number) => (number === undefined || number === null ? "-" : `0x${number.toString(16)}`);
  const size = (bytes) => {
    let number = bytes, unit = 0;
    for (; number >= 1024; unit++) number /= 1024;
    return `${Number.isInteger(number) ? number : number.toFixed(1)} ${UNITS[unit]}`;
  };
  const printable = (text) => text.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, (char) => `\\x${char.codePointAt(0).toString(16).padStart(2, "0")}`);
  const cut = (text, length = 160) => (text.length > length ? `${text.slice(0, length)} …` : text);
  const badness = (code) => ["error", "warning", "info"].indexOf(RULES[code].severity);

  const facts = (result) => {
    const rows = !result.begun ? { Size: size(result.size), "Read of the file": size(result.read) } : {
      Size: size(result.size), Machine: result.machine ?? "unknown",
      Page: result.page_size ? size(result.page_size) : "unknown",
      Capabilities: result.capabilities.join(", ") || "none",
      Bitmaps: result.blocks.some(({ has_data }) => has_data) && `${result.order}-endian${result.evident ? "" : " (a guess)"}`,
      "Save image": result.image ? "libvirt" : null,
      Compressed: result.compressed && `${result.compressed}, ${size(result.file_size)}`,
      Offsets: result.compressed && "decompressed",
      "Stream begins": hex(result.offset),
      "Save finished": result.complete ? "yes" : result.limits.length ? "unknown" : "no",
      UUID: result.uuid,
      "Read of the file": size(result.read),
    };
    return h("dl", { class: "facts" }, ...Object.entries(rows).filter(([, value]) => value)
      .map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, cut(printable(value))))));
  };

  const placed = (result) => result.findings.map((finding, number) => {
    const inside = (r) => finding.offset !== null && r.offset <= finding.offset && finding.offset < r.end;
    // What is missing behind the last byte stands with the last region.
    const region = finding.offset === result.size ? result.regions.length - 1 : result.regions.findIndex(inside);
    const rule = RULES[finding.code];
    return { ...rule, ...finding, remedy: finding.remedy ?? rule.remedy, number, region };
  });

  // Texts of the package with code in backquotes.
  const prose = (text) => text.split("`").map((part, number) => (number % 2 ? h("code", {}, part) : part));

  const findings = (found) => h("ol", { class: "findings" }, ...found.map((f) => h("li", { id: `f${f.number}`, class: `finding ${f.severity}` },
    h("p", {}, h("b", {}, `${f.code} ${f.name}`), " ", h("span", { class: `badge ${f.severity}` }, f.severity)),
    h("p", {}, cut(printable(f.message), 400)),
    h("p", { class: "path" }, f.region < 0 ? hex(f.offset) : h("a", { href: `#r${f.region}` }, hex(f.offset)), " ", h("code", {}, f.path)),
    f.expected || f.actual ? h("p", { class: "path" }, [f.expected && `expected ${f.expected}`, f.actual && `found ${f.actual}`].filter(Boolean).join(", ")) : null,
    h("p", { class: "remedy" }, h("b", {}, "What to do: "), ...prose(f.remedy)),
    h("details", {}, h("summary", {}, "Why it matters"), h("p", {}, ...prose(f.why), " Clause ", clauseLink(f.clause), ".")))));

  // What this page does not say of the file, and where a stream begins if not here.
  const judgement = (result, found) => [
    result.elsewhere === null ? null : h("p", { class: "finding info" },
      `A stream begins at ${hex(result.elsewhere)}. `,
      Object.assign(h("button", { type: "button" }, `Open at ${hex(result.elsewhere)}`), { onclick: () => openAt(result.elsewhere) })),
    found.length ? findings(found) : h("p", {}, result.limits.length ? "No findings so far." : "No findings."),
    ...result.limits.map(({ message, offset }) => h("p", { class: "finding info limit" },
      `This page reads no further${offset === null ? "" : ` than ${hex(offset)}`}: ${cut(printable(message), 400)}. Run `, h("code", {}, cut(result.command)), ".")),
    h("details", { class: "unchecked" },
      h("summary", {}, `${result.unchecked.length} rules are not checked here`),
      h("p", {}, "They need pages, a second parser, or what each release of QEMU does with the file. ", h("code", {}, cut(result.command)), " checks them:"),
      h("ul", {}, ...result.unchecked.map((code) => h("li", {}, `${code} ${RULES[code].name}`)))),
  ];

  const cited = new Set();
  const clauseLink = (number) => {
    cited.add(number);
    return h("a", { href: `#c-${number}` }, number);
  };

  const bar = (result) => [
    h("div", { id: "bar" }, s("svg", {
      "data-size": result.size, "aria-label": `The ${result.regions.length} regions of the file, drawn to scale`,
    })),
    h("p", { class: "note", id: "strip-note" }, STRIP.note),
    h("div", { id: "strip", class: `strip${result.regions.length > STRIP.many ? " many" : ""}` }, ...result.regions.map((region, number) => {
      const length = region.end - region.offset, name = cut(printable(region.name), 80);
      const width = Object.keys(STRIP.widths).find((one) => length < STRIP.widths[one]) ?? STRIP.widest;
      return h("a", { href: `#r${number}`, title: `${name}: ${hex(region.offset)}, ${size(length)}`, class: `k-${region.kind} ${width}`, tabindex: -1 },
        region.kind === "pages" ? name.replace(/^pages of /, "") : null);
    })),
    h("ul", { class: "key" }, ...Object.entries(KINDS)
      .filter(([kind]) => result.regions.some((region) => region.kind === kind))
      .map(([kind, words]) => h("li", {}, h("span", { class: `swatch k-${kind}` }), words))),
  ];

  const sum = (numbers) => numbers.reduce((total, number) => total + number, 0);
  const unknown = (block) => (block.unknown ? sum(block.unknown) : block.outside || !block.has_data ? "all" : "-");

  const blocks = (result) => {
    const names = ["block", "size", "page", "in the file", "of", "unknown", "density", "bitmap_offset", "pages_offset"];
    const row = (block, number) => {
      const share = block.counts && block.num_pages ? block.present / block.num_pages : null;
      const cells = [size(block.used_length), block.page_size ? size(block.page_size) : "-", block.present ?? "unknown",
        block.num_pages ?? "-", unknown(block), share === null ? "-" : `${(100 * share).toFixed(1)} %`,
        block.has_data ? hex(block.bitmap_offset) : "-", block.has_data ? hex(block.pages_offset) : "ignored"];
      const name = h("th", { scope: "row" }, h("a", { href: `#b${number}` }, cut(printable(block.idstr), 80)));
      return h("tr", {}, name, ...cells.map((cell) => h("td", {}, String(cell))));
    };
    const table = h("table", { class: "blocks" },
      h("thead", {}, h("tr", {}, ...names.map((name) => h("th", {}, name)))),
      h("tbody", {}, ...result.blocks.slice(0, 256).map(row)));
    return [
      h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "RAM blocks" }, table),
      h("div", { class: "maps" }, ...result.blocks.slice(0, 64).map(map).filter(Boolean)),
    ];
  };

  const map = (block, number) => {
    if (!block.counts?.length) return null;
    const columns = Math.min(COLUMNS, block.counts.length);
    const level = (count, index) => {
      const capacity = Math.min(block.cell, block.num_pages - index * block.cell);
      return count === 0 ? 0 : count === capacity ? LEVELS : 1 + Math.floor((count * (LEVELS - 1)) / capacity);
    };
    // The last one is that of squares with a page that the file does not tell.
    const squares = Array.from({ length: LEVELS + 2 }, () => []);
    block.counts.forEach((count, index) =>
      squares[block.unknown[index] ? LEVELS + 1 : level(count, index)].push(`M${index % COLUMNS} ${Math.floor(index / COLUMNS)}h.9v.9h-.9z`));
    const name = cut(printable(block.idstr), 80);
    const each = block.cell === 1 ? "one page" : `${block.cell} pages`;
    return h("figure", { id: `b${number}`, class: "density" },
      h("figcaption", {}, h("b", {}, name), ` each square is ${each}, ${size(block.cell * block.page_size)}`),
      s("svg", {
        viewBox: `0 0 ${columns} ${Math.ceil(block.counts.length / columns)}`, width: columns * 12,
        "aria-label": `${name}: ${block.present} of ${block.num_pages} pages are in the file` +
          (sum(block.unknown) ? `, ${sum(block.unknown)} are unknown` : ""),
        "data-counts": block.counts.join(" "), "data-unknown": block.unknown.join(" "), "data-cell": block.cell, "data-pages": block.num_pages,
        "data-page": block.page_size, "data-offset": block.pages_offset,
      }, ...squares.map((d, index) => (d.length ? s("path", { class: index > LEVELS ? "lu" : `l${index}`, d: d.join("") }) : null))));
  };

  const shownValue = (field) => {
    if (field.is_number) return field.value; // too large for a number of JavaScript
    if (typeof field.value !== "number") return cut(`"${printable(String(field.value))}"`);
    return field.value < 10 ? String(field.value) : `${hex(field.value)} (${field.value})`;
  };

  const listing = (result, found) => {
    const first = result.regions.findIndex((region) => region.kind === "bitmap");
    const fieldRow = (field, marks) => {
      const bad = marks.find((f) => f.offset >= field.offset && f.offset < field.end);
      return h("tr", { class: bad?.severity },
        h("td", {}, hex(field.offset)), h("td", {}, field.bytes), h("th", {}, field.name),
        h("td", {}, shownValue(field)), h("td", {}, field.doc.replaceAll("`", "")),
        h("td", {}, ...field.clauses.flatMap((number) => [clauseLink(number), " "])));
    };
    const head = () => h("thead", {}, h("tr", {}, ...["offset", "bytes", "field", "value", "meaning", "clause"].map((name) => h("th", {}, name))));
    const entry = (region, number) => {
      const marks = found.filter((f) => f.region === number);
      const worst = [...marks].sort((a, b) => badness(a.code) - badness(b.code))[0]?.severity;
      return h("details", {
        id: `r${number}`, "data-o": region.offset, "data-e": region.end, "data-k": region.kind,
        open: number < first || marks.length > 0,
      },
      h("summary", {}, h("code", {}, hex(region.offset)), h("span", { class: `name k-${region.kind}` }, cut(printable(region.name), 80)),
        worst ? h("span", { class: `badge ${worst}` }, `${marks.length} ${worst}`) : null,
        h("span", { class: "size" }, size(region.end - region.offset))),
      ...marks.map((f) => h("p", { class: `finding ${f.severity}`, "data-at": f.offset }, h("a", { href: `#f${f.number}` }, f.code), ` ${cut(printable(f.message), 400)}`)),
      h("p", { class: "path" }, h("code", {}, region.path), ` up to ${hex(region.end)}`),
      region.fields
        ? h("table", {}, head(), h("tbody", {}, ...region.fields.map((field) => fieldRow(field, marks))))
        : h("pre", {}, region.sample));
    };
    return h("div", { class: "listing" }, ...result.regions.map(entry));
  };

  const clauses = () => {
    const key = (number) => number.split(".").map((part) => part.padStart(3, "0")).join(".");
    const numbers = [...cited].filter((number) => CLAUSES[number]).sort((a, b) => (key(a) < key(b) ? -1 : 1));
    return h("dl", { class: "clauses" }, ...numbers.flatMap((number) => [
      h("dt", { id: `c-${number}` }, number),
      h("dd", {}, CLAUSES[number].replace(/\[([^\]]+)\]\([^)]*\)/g, "$1").replaceAll("`", "")),
    ]));
  };

  const show = (result) => {
    const target = document.querySelector("#result");
    if (result.error) {
      target.replaceChildren(h("p", { class: "finding error" }, result.error));
      return;
    }
    cited.clear();
    const found = placed(result);
    const parts = {
      Findings: judgement(result, found),
      ...(result.regions.length ? { Map: bar(result) } : {}),
      ...(result.blocks.length ? { "RAM blocks": blocks(result) } : {}),
      Bytes: !result.regions.length ? [h("p", {}, "The file is empty.")] : [listing(result, found), result.left_out ? h("p", { class: "note" }, `… ${result.left_out} more regions`) : null],
      Clauses: [clauses()],
    };
    target.replaceChildren(h("h1", {}, cut(printable(result.name))), facts(result),
      ...Object.entries(parts).map(([title, content]) => h("section", { "aria-label": title }, h("h2", {}, title), ...content.filter(Boolean))));
    mappedramRefresh();
  };

  const worker = new Worker(URL.createObjectURL(new Blob([document.querySelector("#worker").textContent])));
  const say = (text) => { document.querySelector("#state").textContent = text; };
  let chosen = null;
  worker.onmessage = ({ data }) => {
    globalThis.mappedramResult = data;
    show(data);
    document.querySelector("#about").hidden = true;
    say(data.error ? "This file cannot be shown." : `Read ${size(data.read)} of ${size(data.file_size)}. Nothing was sent.`);
  };
  worker.onerror = ({ message }) => say(message);
  const field = document.querySelector("#offset");
  const read = () => {
    const offset = Number(field.value || 0);
    if (!chosen) return;
    if (!Number.isSafeInteger(offset) || offset < 0) return say("The offset is a number such as 4096 or 0x1000.");
    say("Reading …");
    worker.postMessage({ file: chosen, offset });
  };
  // An offset that this page set for one file is not that of the next one.
  let proposed = null;
  const open = (file, offset = null) => {
    chosen = file;
    if (offset !== null) proposed = field.value = hex(offset);
    else if (field.value === proposed) field.value = "0";
    read();
  };
  const openAt = (offset) => open(chosen, offset);

  /** The sample with its holes, of which this page has the rest. */
  const sample = async () => {
    const packed = Uint8Array.from(atob(SAMPLE.data), (char) => char.charCodeAt(0));
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
    const data = await new Response(stream).arrayBuffer(), zeros = new Uint8Array(1 << 20), parts = [];
    let position = 0, taken = 0;
    for (const [offset, length] of [...SAMPLE.extents, [SAMPLE.size, 0]]) {
      for (; position < offset; position += Math.min(zeros.length, offset - position)) parts.push(zeros.subarray(0, Math.min(zeros.length, offset - position)));
      parts.push(data.slice(taken, taken + length));
      taken += length;
      position += length;
    }
    return new Blob(parts);
  };
  const trySample = (cutAt, name) => async () => {
    const whole = await sample();
    open(new File([cutAt ? whole.slice(0, cutAt) : whole], name), 0);
  };
  document.querySelector("#sample").addEventListener("click", trySample(null, SAMPLE.name));
  document.querySelector("#cut-sample").addEventListener("click", trySample(SAMPLE.cut, `cut-${SAMPLE.name}`));
  const input = document.querySelector("#file");
  input.addEventListener("change", () => { if (input.files.length) open(input.files[0]); });
  field.addEventListener("change", read);
  addEventListener("dragover", (event) => event.preventDefault());
  addEventListener("drop", (event) => {
    event.preventDefault();
    if (event.dataTransfer.files.length) open(event.dataTransfer.files[0]);
  });
})();
