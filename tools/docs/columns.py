"""The picture of two real files side by side: the same guest without and with mapped-ram."""

import re
from collections.abc import Iterator, Sequence
from html import escape
from itertools import groupby
from math import log2

from mappedram.stream.regions import Region
from mappedram.view.text import size

_WIDTH = 400
_GAP = 30
#: Minimum height of a box; each doubling of its bytes adds to it.
_LOWEST = 17
_PER_DOUBLING = 1.9

#: Labels of regions by path; the first match counts. Neighbours with one label are one box.
_LABELS = (
    (r"/(header|configuration.*)", "stream header, configuration"),
    (r"/ram/blocks\[0\](/.*)?", "{name}"),
    (r"/ram/blocks.*", "further blocks, in the same way"),
    (r"/sections\[1\]/payload", "pages as they came, with addresses"),
    (r"/sections\[0\]/(header|mem_size)", "START of RAM"),
    (r"/sections\[[0-3]\]/.*", "rounds and end of RAM"),
    (r".*/json", "description of the devices, in JSON"),
    (r".*", "devices"),
)


def picture(columns: Sequence[tuple[str, Sequence[Region]]]) -> str:
    """An SVG with a column for each file; heights grow with the logarithm of the size."""
    drawn, height = [], 0.0
    for number, (title, regions) in enumerate(columns):
        x = number * (_WIDTH + _GAP)
        y = 24.0
        drawn.append(f'<text class="title" x="{x}" y="14">{escape(title)}</text>')
        for label, kind, length in _boxes(regions):
            tall = _LOWEST + _PER_DOUBLING * log2(length)
            drawn.append(
                f'<rect class="{kind}" x="{x}" y="{y:.1f}" width="{_WIDTH}" height="{tall:.1f}"/>'
                f'<text x="{x + 8}" y="{y + tall / 2 + 4:.1f}">{escape(label)}</text>'
                f'<text class="size" x="{x + _WIDTH - 8}" y="{y + tall / 2 + 4:.1f}">'
                f"{size(length)}</text>"
            )
            y += tall
        height = max(height, y)
    width = len(columns) * (_WIDTH + _GAP) - _GAP
    label = " and ".join(title for title, _ in columns)
    return (
        f'<svg class="columns" role="img" aria-label="{escape(label)}"'
        f' viewBox="0 0 {width} {height + 2:.0f}">{"".join(drawn)}</svg>'
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
