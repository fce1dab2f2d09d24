// Makes the bar zoomable, the maps interactive, and the listing searchable. The page has all its
// contents without this script. A program that fills the page later calls `mappedramRefresh`.
"use strict";
(() => {
  const SVG = "http://www.w3.org/2000/svg";
  const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

  const draw = (name, attributes, parent) => {
    const element = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    parent?.append(element);
    return element;
  };
  const make = (name, properties, ...children) => {
    const element = Object.assign(document.createElement(name), properties);
    element.append(...children);
    return element;
  };
  const button = (label, title, onclick) => make("button", { type: "button", title, onclick }, label);
  const hex = (offset) => `0x${offset.toString(16)}`;
  const size = (bytes) => {
    let number = Number(bytes), unit = 0;
    for (; number >= 1024; unit++) number /= 1024;
    return `${Number.isInteger(number) ? number : number.toFixed(1)} ${UNITS[unit]}`;
  };
  const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

  // Elements with keyboard steps are sliders for assistive technology.
  const slider = (element, label, last) => {
    element.setAttribute("role", "slider");
    element.setAttribute("tabindex", "0");
    element.setAttribute("aria-label", label);
    element.setAttribute("aria-valuemin", "0");
    element.setAttribute("aria-valuemax", String(last));
  };
  const tell = (element, now, words) => {
    element.setAttribute("aria-valuenow", String(now));
    element.setAttribute("aria-valuetext", words);
  };

  let entries = [];
  let listeners = new AbortController();

  const listed = () => [...document.querySelectorAll(".listing > details")].map((element) => ({
    element,
    offset: Number(element.dataset.o),
    end: Number(element.dataset.e),
    kind: element.dataset.k,
    name: element.querySelector(".name").textContent,
    place: element.querySelector("code").textContent,
    marks: [...element.querySelectorAll(":scope > .finding")].map(({ dataset, classList }) => ({
      at: Number(dataset.at), severity: classList[1],
    })),
  }));

  const reveal = (element) => {
    element.hidden = false;
    element.open = true;
    element.scrollIntoView({ block: "start" });
    element.querySelector("summary").focus({ preventScroll: true });
  };

  const bar = (frame) => {
    const HEIGHT = 104, TOP = 14, BOTTOM = 84, CLOSEST = 16;
    const total = Number(frame.querySelector("svg").dataset.size);
    const label = frame.querySelector("svg").getAttribute("aria-label");
    const picture = draw("svg", {}, null);
    const view = { from: 0, to: total };
    const cells = [...document.querySelectorAll("#strip > a")];
    let chosen = 0, dragged = null;
    const words = make("output", {});
    slider(picture, `${label}; arrow keys step, plus and minus zoom, Enter shows the bytes`, entries.length - 1);

    const width = () => frame.clientWidth || 800;
    const x = (offset) => ((offset - view.from) / (view.to - view.from)) * width();
    const show = () => {
      picture.replaceChildren();
      picture.setAttribute("viewBox", `0 0 ${width()} ${HEIGHT}`);
      const inView = entries.filter((e) => e.end > view.from && e.offset < view.to);
      // Large ones first: very narrow ones are drawn on top, a pixel wide.
      for (const entry of [...inView].sort((a, b) => b.end - b.offset - (a.end - a.offset))) {
        const left = Math.max(x(entry.offset), 0), right = Math.min(x(entry.end), width());
        const place = { x: left, y: TOP, height: BOTTOM - TOP, width: Math.max(right - left, 1) };
        const box = draw("rect", { ...place, class: `k-${entry.kind}` }, picture);
        draw("title", {}, box).textContent = entry.name;
        if (right - left > 8 * entry.name.length) {
          draw("text", { x: left + 4, y: TOP + 16 }, picture).textContent = entry.name;
        }
        for (const { at, severity } of entry.marks) {
          if (at < view.from || at > view.to) continue;
          const tip = clamp(x(at), 6, width() - 6);
          draw("path", { d: `M${tip - 6} 0h12l-6 12z`, class: `mark ${severity}` }, picture);
        }
      }
      const entry = entries[chosen];
      draw("rect", {
        x: clamp(x(entry.offset), 1, width() - 3), y: TOP, height: BOTTOM - TOP, class: "chosen",
        width: Math.max(clamp(x(entry.end), 0, width() - 1) - clamp(x(entry.offset), 1, width() - 3), 2),
      }, picture);
      for (const [at, anchor] of [[0, "start"], [0.5, "middle"], [1, "end"]]) {
        const offset = Math.round(view.from + at * (view.to - view.from));
        const tick = { x: at * width(), y: HEIGHT - 4, "text-anchor": anchor };
        draw("text", tick, picture).textContent = hex(offset);
      }
    };
    const look = (from, to) => {
      const span = clamp(to - from, Math.min(CLOSEST, total), total);
      view.from = clamp((from + to - span) / 2, 0, total - span);
      view.to = view.from + span;
      show();
    };
    const zoom = (factor, around) => {
      const share = (around - view.from) / (view.to - view.from), span = (view.to - view.from) * factor;
      look(around - share * span, around + (1 - share) * span);
    };
    const middle = () => (view.from + view.to) / 2;
    const choose = (index, follow) => {
      chosen = clamp(index, 0, entries.length - 1);
      const entry = entries[chosen], span = view.to - view.from;
      cells.forEach((cell, number) => cell.classList.toggle("chosen", number === chosen));
      const text = `${entry.name}: ${entry.place} to ${hex(entry.end)}, ${size(entry.end - entry.offset)}`;
      words.replaceChildren(make("a", { href: `#${entry.element.id}` }, text));
      tell(picture, chosen, text);
      if (follow && (entry.offset < view.from || entry.end > view.to)) {
        look((entry.offset + entry.end - span) / 2, (entry.offset + entry.end + span) / 2);
      } else show();
    };
    const fit = () => {
      const entry = entries[chosen], margin = Math.max((entry.end - entry.offset) / 4, 1);
      look(entry.offset - margin, entry.end + margin);
    };
    const keys = {
      ArrowRight: () => choose(chosen + 1, true), ArrowLeft: () => choose(chosen - 1, true),
      ArrowDown: () => choose(chosen + 1, true), ArrowUp: () => choose(chosen - 1, true),
      Home: () => choose(0, true), End: () => choose(entries.length - 1, true),
      "+": () => zoom(0.5, middle()), "=": () => zoom(0.5, middle()), "-": () => zoom(2, middle()),
      0: () => look(0, total), f: fit, Enter: () => reveal(entries[chosen].element),
    };
    picture.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || !keys[event.key]) return;
      event.preventDefault();
      keys[event.key]();
    });
    const offsetAt = (event) => {
      const box = picture.getBoundingClientRect();
      return view.from + ((event.clientX - box.left) / box.width) * (view.to - view.from);
    };
    picture.addEventListener("pointerdown", (event) => {
      dragged = { at: event.clientX, from: view.from, moved: false };
      picture.setPointerCapture(event.pointerId);
    });
    picture.addEventListener("pointermove", (event) => {
      if (!dragged) return;
      const by = ((dragged.at - event.clientX) / width()) * (view.to - view.from);
      dragged.moved ||= Math.abs(dragged.at - event.clientX) > 4;
      if (dragged.moved) look(dragged.from + by, dragged.from + by + view.to - view.from);
    });
    picture.addEventListener("pointerup", (event) => {
      if (dragged && !dragged.moved) {
        // The nearest entry within reach of a finger; the smallest one wins.
        const reach = (6 / width()) * (view.to - view.from), at = offsetAt(event);
        const near = entries.filter((e) => e.offset <= at + reach && e.end > at - reach);
        near.sort((a, b) => a.end - a.offset - (b.end - b.offset));
        if (near.length) choose(entries.indexOf(near[0]), false);
      }
      dragged = null;
    });
    picture.addEventListener("pointercancel", () => { dragged = null; });
    picture.addEventListener("dblclick", fit);
    picture.addEventListener("wheel", (event) => {
      if (!event.ctrlKey) return;
      event.preventDefault();
      zoom(event.deltaY > 0 ? 1.25 : 0.8, offsetAt(event));
    }, { passive: false });
    addEventListener("resize", show, { signal: listeners.signal });
    // A click shows where the region is; a second one, its bytes.
    cells.forEach((cell, number) => cell.addEventListener("click", (event) => {
      if (number !== chosen) event.preventDefault();
      choose(number, true);
    }));

    frame.replaceChildren(picture, make("div", { className: "tools" },
      button("+", "Zoom in", () => zoom(0.5, middle())),
      button("\u2212", "Zoom out", () => zoom(2, middle())),
      button("Whole file", "Show the whole file", () => look(0, total)),
      button("\u2039", "Previous region", () => choose(chosen - 1, true)),
      button("\u203a", "Next region", () => choose(chosen + 1, true)),
      button("Fit", "Zoom to the region", fit),
      words));
    choose(0, false);
  };

  const map = (picture) => {
    const { counts, unknown = "", cell, pages, page, offset } = picture.dataset;
    const columns = picture.viewBox.baseVal.width;
    const unfold = (runs) => runs.split(" ").flatMap((run) => {
      const [count, length = "1"] = run.split("*");
      return Array(Number(length)).fill(Number(count));
    });
    const numbers = unfold(counts), lacking = unfold(unknown);
    const words = make("output", {});
    const frame = draw("rect", { class: "chosen", width: 0.9, height: 0.9, visibility: "hidden" }, picture);
    let chosen = 0;
    picture.after(words);
    slider(picture, picture.getAttribute("aria-label"), numbers.length - 1);
    const choose = (index) => {
      chosen = clamp(index, 0, numbers.length - 1);
      const first = BigInt(chosen) * BigInt(cell), rest = BigInt(pages) - first;
      const many = rest < BigInt(cell) ? rest : BigInt(cell);
      const where = offset ? `, in the file from ${hex(BigInt(offset) + first * BigInt(page))}` : "";
      const text = `pages ${first} to ${first + many - 1n} (from ${hex(first * BigInt(page))}${where}): ` +
        `${numbers[chosen]} of ${many} in the file` + (lacking[chosen] ? `, ${lacking[chosen]} unknown` : "");
      frame.setAttribute("x", chosen % columns);
      frame.setAttribute("y", Math.floor(chosen / columns));
      frame.setAttribute("visibility", "visible");
      words.textContent = text;
      tell(picture, chosen, text);
    };
    const steps = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns, PageDown: 8 * columns, PageUp: -8 * columns, Home: -Infinity, End: Infinity };
    picture.addEventListener("keydown", (event) => {
      if (!(event.key in steps)) return;
      event.preventDefault();
      choose(chosen + steps[event.key]);
    });
    const point = (event) => {
      const box = picture.getBoundingClientRect(), unit = box.width / columns;
      const column = clamp(Math.floor((event.clientX - box.left) / unit), 0, columns - 1);
      choose(column + columns * Math.floor((event.clientY - box.top) / unit));
    };
    picture.addEventListener("pointermove", point);
    picture.addEventListener("pointerdown", point);
    tell(picture, 0, "no square chosen");
  };

  const search = (listing) => {
    const field = make("input", { type: "search", placeholder: "Find a region, a field, a value" });
    field.setAttribute("aria-label", "Find in the bytes");
    const many = make("output", {});
    const texts = entries.map((entry) => entry.element.textContent.toLowerCase());
    field.addEventListener("input", () => {
      const wanted = field.value.trim().toLowerCase();
      entries.forEach((entry, index) => { entry.element.hidden = !texts[index].includes(wanted); });
      const left = entries.filter((entry) => !entry.element.hidden).length;
      many.textContent = wanted ? `${left} of ${entries.length} regions` : "";
    });
    const all = (open) => () => entries.forEach((entry) => { entry.element.open = open; });
    listing.before(make("div", { className: "tools" }, field,
      button("Open all", "Open all regions", all(true)),
      button("Close all", "Close all regions", all(false)), many));
  };

  // A link into a closed or hidden part opens that part.
  const follow = () => {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (target?.tagName === "DETAILS") reveal(target);
  };

  const refresh = () => {
    listeners.abort();
    listeners = new AbortController();
    entries = listed();
    const frame = document.querySelector("#bar");
    if (frame && entries.length) bar(frame);
    document.querySelectorAll(".density svg").forEach(map);
    if (entries.length) search(document.querySelector(".listing"));
    addEventListener("hashchange", follow, { signal: listeners.signal });
    follow();
  };
  globalThis.mappedramRefresh = refresh;
  refresh();
})();
