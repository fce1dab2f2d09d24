"""The map of all regions: a bar drawn to scale, and a strip in which small regions are visible.

The script of the page redraws the bar when zooming.
"""

from collections.abc import Iterable, Sequence

from mappedram.html.entries import PageEntry
from mappedram.html.markup import Markup, cut, join, tag
from mappedram.view.text import size

#: Width of the whole file in drawing units, and height of the bar.
_WIDTH = 1000
_HEIGHT = 44
#: Narrower regions are drawn this wide to stay visible.
_NARROWEST = 0.6

#: Characters shown of the name of a region.
_NAME_SHOWN = 80

#: Meanings of the colours, in drawing order: small things cover large ones.
KINDS = {
    "pages": "pages of a block",
    "padding": "padding",
    "gap": "gap",
    "folded": "folded",
    "text": "text",
    "payload": "device state",
    "bitmap": "bitmap",
    "element": "header",
}


#: Widths of the cells of the strip: the first one whose limit, in bytes, exceeds the region.
STRIP_WIDTHS = {"w0": 1 << 10, "w1": 1 << 20, "w2": 1 << 30}
STRIP_WIDEST = "w3"
#: Prefix of region names that a cell with room for a label omits.
_PAGES_OF = "pages of "
#: More cells than this are drawn narrower.
STRIP_MANY = 300
#: Explains the strip.
STRIP_NOTE = (
    "The same regions in order, not to scale: a cell is as wide as the order of magnitude of its"
    " size (bytes, KiB, MiB, GiB)."
)


def bar(shown: Sequence[PageEntry], file_size: int) -> Markup:
    """The file from its first byte to its last, with a legend."""
    present = [kind for kind in KINDS if any(entry.kind == kind for entry in shown)]
    paths = (
        tag("path", class_=f"k-{kind}", d=_path((e for e in shown if e.kind == kind), file_size))
        for kind in present
    )
    label = f"The {len(shown)} regions of the file, drawn to scale"
    drawing = tag(
        "svg",
        *paths,
        viewBox=f"0 0 {_WIDTH} {_HEIGHT}",
        preserveAspectRatio="none",
        role="img",
        aria_label=label,
        data_size=file_size,
    )
    key = (tag("li", tag("span", class_=f"swatch k-{kind}"), KINDS[kind]) for kind in present)
    return join(
        (
            tag("div", drawing, id="bar"),
            tag("p", STRIP_NOTE, class_="note", id="strip-note"),
            _strip(shown),
            tag("ul", *key, class_="key"),
        )
    )


def _strip(shown: Sequence[PageEntry]) -> Markup:
    """A cell for each region, as wide as the order of magnitude of its size."""
    many = " many" if len(shown) > STRIP_MANY else ""
    return tag("div", *map(_cell, shown), id="strip", class_=f"strip{many}")


def _cell(entry: PageEntry) -> Markup:
    length = entry.end - entry.offset
    width = next((name for name, limit in STRIP_WIDTHS.items() if length < limit), STRIP_WIDEST)
    name = cut(entry.name, _NAME_SHOWN)
    return tag(
        "a",
        name.removeprefix(_PAGES_OF) if entry.kind == "pages" else None,
        href=f"#r{entry.number}",
        title=f"{name}: {entry.offset:#x}, {size(length)}",
        class_=f"k-{entry.kind} {width}",
        tabindex=-1,  # the bar and the listing are for the keyboard
    )


def _path(entries: Iterable[PageEntry], file_size: int) -> str:
    """One rectangle for each entry."""
    return "".join(
        f"M{_WIDTH * entry.offset / file_size:.2f} 0v{_HEIGHT}"
        f"h{max(_WIDTH * (entry.end - entry.offset) / file_size, _NARROWEST):.2f}v-{_HEIGHT}z"
        for entry in entries
    )
