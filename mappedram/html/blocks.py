"""RAM blocks: a table, and for each block a map of its pages."""

from collections.abc import Iterator, Sequence
from itertools import groupby

from mappedram.html.clauses import prose
from mappedram.html.density import Density, density
from mappedram.html.markup import Markup, cut, join, tag
from mappedram.stream import intervals
from mappedram.stream.bitmap import Bitmap
from mappedram.stream.block import Block
from mappedram.view.blocks import coverage_of, num_pages, page_size, pages_present, unknown_pages
from mappedram.view.text import size

#: Most characters shown of a name.
_NAME_SHOWN = 80
#: Most rows of the table, and most maps.
_BLOCKS_MAX = 256
_MAPS_MAX = 64
#: Most cells of one map, and of all together.
_CELLS_MAX = 2048
_ALL_CELLS_MAX = 8192
#: Cells in a row.
_COLUMNS = 64
#: Shades of a cell with at least one page; the last one has all.
_LEVELS = 6
#: Shade of a cell with unknown pages.
_UNKNOWN = "u"

_COLUMNS_OF_TABLE = (
    *("block", "size", "page", "in the file", "of", "unknown", "density"),
    *("bitmap_offset", "pages_offset"),
)


def blocks(found: Sequence[Block]) -> Markup:
    """The table, with the maps below it."""
    if not found:
        return tag("p", "The file lists no RAM blocks.")
    present = pages_present(found)
    shown = list(zip(found, present, strict=True))[:_BLOCKS_MAX]
    rows = [_row(number, block, count) for number, (block, count) in enumerate(shown)]
    left_out = len(found) - len(shown)
    return join(
        (
            _table(rows),
            tag("p", f"… {left_out} more blocks", class_="note") if left_out else None,
            tag("div", *_maps(found, present), class_="maps"),
            _key() if any(present) or any(block.coverage.unknown for block in found) else None,
        )
    )


def _table(rows: Sequence[Markup]) -> Markup:
    head = tag("thead", tag("tr", *(tag("th", name) for name in _COLUMNS_OF_TABLE)))
    return tag(
        "div",
        tag("table", head, tag("tbody", *rows), class_="blocks"),
        class_="scroll",
        tabindex=0,
        role="region",
        aria_label="RAM blocks",
    )


def _row(number: int, block: Block, present: int | None) -> Markup:
    model, total = block.model, num_pages(block)
    share = None if present is None or not total else present / total
    cells = (
        size(model.used_length),
        size(page_size(block) or 0) if page_size(block) else "-",
        "unknown" if present is None else str(present),
        str(total) if total else "-",
        _unknown(block, present),
        "-" if share is None else join((_meter(share), f" {100 * share:.1f} %")),
        _offset(model.bitmap_offset),
        "ignored" if model.ignored else _offset(model.pages_offset),
    )
    name = tag("th", tag("a", cut(block.idstr, _NAME_SHOWN), href=f"#b{number}"), scope="row")
    return tag("tr", name, *(tag("td", cell) for cell in cells))


def _unknown(block: Block, present: int | None) -> str:
    coverage, count = coverage_of(block, present), unknown_pages(block, present)
    if coverage is None:
        return "-"
    why = "; ".join(one.reason.text for one in coverage.unknown)
    return prose(f"{'all' if count is None else count}: {why}") if why else "0"


def _offset(offset: int | None) -> str:
    return "-" if offset is None else f"{offset:#x}"


def _meter(share: float) -> Markup:
    """A small bar beside its number."""
    return tag(
        "svg",
        tag("rect", width=100, height=10, class_="l0"),
        tag("rect", width=f"{100 * share:.1f}", height=10, class_=f"l{_LEVELS}"),
        viewBox="0 0 100 10",
        class_="meter",
        aria_hidden="true",
    )


def _maps(found: Sequence[Block], present: Sequence[int | None]) -> Iterator[Markup]:
    budget = _ALL_CELLS_MAX
    for number, (block, count) in enumerate(zip(found[:_MAPS_MAX], present, strict=False)):
        if count is None or not budget:
            continue
        shown = min(_CELLS_MAX, budget)
        cells, unknown = density(block.bitmap, shown), density(_unknown_bitmap(block), shown)
        budget -= len(cells.counts)
        yield _map(number, block, cells, unknown)


def _unknown_bitmap(block: Block) -> Bitmap:
    """Bitmap of the unknown pages."""
    known = block.coverage.known(0, block.used_length) // block.page_size
    return Bitmap.from_runs(intervals.complement(known, 0, block.num_pages), block.num_pages)


def _map(number: int, block: Block, cells: Density, unknown: Density) -> Markup:
    page = block.page_size
    each = "one page" if cells.pages_per_cell == 1 else f"{cells.pages_per_cell} pages"
    text = f"each square is {each}, {size(cells.pages_per_cell * page)}"
    name = cut(block.idstr, _NAME_SHOWN)
    label = f"{name}: {sum(cells.counts)} of {cells.num_pages} pages are in the file"
    if any(unknown.counts):
        label += f", {sum(unknown.counts)} are unknown"
    columns = min(_COLUMNS, max(len(cells.counts), 1))
    drawing = tag(
        "svg",
        *_paths(cells, unknown),
        viewBox=f"0 0 {columns} {-(-len(cells.counts) // columns)}",
        width=f"{columns * 12}",
        role="img",
        aria_label=label,
        data_counts=_run_lengths(cells.counts),
        data_unknown=_run_lengths(unknown.counts),
        data_cell=cells.pages_per_cell,
        data_pages=cells.num_pages,
        data_page=page,
        data_offset=block.model.pages_offset,
    )
    caption = tag("figcaption", tag("b", name), f" {text}")
    return tag("figure", caption, drawing, id=f"b{number}", class_="density")


def _paths(cells: Density, unknown: Density) -> Iterator[Markup]:
    """One path for each shade; a cell with any unknown page has that colour."""
    places: dict[int | str, list[str]] = {level: [] for level in (*range(_LEVELS + 1), _UNKNOWN)}
    for cell in range(len(cells.counts)):
        row, column = divmod(cell, _COLUMNS)
        level = _UNKNOWN if unknown.counts[cell] else cells.level(cell, _LEVELS)
        places[level].append(f"M{column} {row}h.9v.9h-.9z")
    for level, squares in places.items():
        if squares:
            yield tag("path", class_=f"l{level}", d="".join(squares))


def _run_lengths(counts: Sequence[int]) -> str:
    """Run-length encoding of the counts for the script: `0*30 16`."""
    runs = ((count, len(list(group))) for count, group in groupby(counts))
    return " ".join(f"{count}*{length}" if length > 1 else str(count) for count, length in runs)


def _key() -> Markup:
    words: dict[int | str, str] = {
        0: "no page in the file (zeros)",
        1: "few",
        _LEVELS - 1: "most",
        _LEVELS: "all pages",
        _UNKNOWN: "some page is unknown",
    }
    return tag(
        "ul",
        *(tag("li", tag("span", class_=f"swatch l{n}"), word) for n, word in words.items()),
        class_="key",
    )
