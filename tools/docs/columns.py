"""The picture of two real files side by side: the same guest without and with mapped-ram."""

import re
from collections.abc import Iterator, Sequence
from html import escape
from itertools import groupby
from math import log2

from mappedram.stream.regions import Region
from mappedram.view.text import size

_WIDTH = 400
#: Minimum height of a box; each doubling of its bytes adds to it.
_LOWEST = 17
_PER_DOUBLING = 1.9

#: Labels of regions by path; the first match counts. Neighbours with one label are one box.
_LABELS = (
    (r"/(header|configuration.*)", "stream header, configuration"),
    (r"/ram/blocks\[0\](/.*)?", "{name}"),
    (r"/ram/blocks.*", "other blocks, likewise"),
    (r"/sections\[1\]/payload", "page records with addresses"),
    (r"/sections\[0\]/(header|mem_size)", "START of RAM"),
    (r"/sections\[[0-3]\]/.*", "PART and END of RAM"),
    (r".*/json", "JSON description of the devices"),
    (r".*", "devices"),
)


def picture(columns: Sequence[tuple[str, Sequence[Region]]]) -> str:
    """A drawing of each file; a narrow page has one below the other."""
    return "".join(_column(title, regions) for title, regions in columns)


def _column(title: str, regions: Sequence[Region]) -> str:
    """An SVG of boxes, whose heights grow with the logarithm of their size."""
    drawn, y = [], 24.0
    for label, kind, length in _boxes(regions):
        tall = _LOWEST + _PER_DOUBLING * log2(length)
        drawn.append(
            f'<rect class="{kind}" x="1" y="{y:.1f}" width="{_WIDTH - 2}" height="{tall:.1f}"/>'
            f'<text x="9" y="{y + tall / 2 + 4:.1f}">{escape(label)}</text>'
            f'<text class="size" x="{_WIDTH - 9}" y="{y + tall / 2 + 4:.1f}">'
            f"{size(length)}</text>"
        )
        y += tall
    return (
        f'<svg class="columns" role="img" aria-label="{escape(title)}"'
        f' viewBox="0 0 {_WIDTH} {y + 2:.0f}">'
        f'<text class="title" x="1" y="14">{escape(title)}</text>{"".join(drawn)}</svg>'
    )


def _boxes(regions: Sequence[Region]) -> Iterator[tuple[str, str, int]]:
    """Label, kind and length of each box."""
    for label, members in groupby(regions, key=_label):
        together = list(members)
        most = max(together, key=lambda region: region.length)
        kind = "pages" if label.startswith("pages") else most.kind
        yield label, kind, sum(region.length for region in together)


def _label(region: Region) -> str:
    return next(
        label.format(name=region.name)
        for pattern, label in _LABELS
        if re.fullmatch(pattern, region.path)
    )
