"""The bar of all regions, drawn to scale. The script of the page redraws it when zooming."""

from collections.abc import Iterable, Sequence

from mappedram.html.entries import PageEntry
from mappedram.html.markup import Markup, join, tag

#: Width of the whole file in drawing units, and height of the bar.
_WIDTH = 1000
_HEIGHT = 44
#: Narrower regions are drawn this wide to stay visible.
_NARROWEST = 0.6

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
    return join((tag("div", drawing, id="bar"), tag("ul", *key, class_="key")))


def _path(entries: Iterable[PageEntry], file_size: int) -> str:
    """One rectangle for each entry."""
    return "".join(
        f"M{_WIDTH * entry.offset / file_size:.2f} 0v{_HEIGHT}"
        f"h{max(_WIDTH * (entry.end - entry.offset) / file_size, _NARROWEST):.2f}v-{_HEIGHT}z"
        for entry in entries
    )
