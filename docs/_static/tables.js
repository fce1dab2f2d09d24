// A table that is wider than its page gets one line for each cell, with the head of the column before it.
"use strict";
(() => {
  const tables = () => document.querySelectorAll("article table.docutils");

  /** Give each cell the head of its column, which the style sheet shows. */
  function label(table) {
    const heads = [...table.querySelectorAll("thead th")].map((head) => head.textContent.trim());
    for (const row of table.tBodies[0]?.rows ?? [])
      [...row.cells].forEach((cell, index) => {
        cell.dataset.head = heads[index] ?? "";
        cell.classList.toggle("empty", !cell.textContent.trim());
      });
  }

  function fit(table) {
    table.classList.remove("stacked");
    const room = table.parentElement;
    table.classList.toggle("stacked", room.scrollWidth > room.clientWidth + 1);
  }

  const fitAll = () => tables().forEach(fit);
  document.addEventListener("DOMContentLoaded", () => { tables().forEach(label); fitAll(); });
  addEventListener("resize", fitAll);
})();
