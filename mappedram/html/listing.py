"""The file by regions: every field of a structure with its bytes, value and clauses."""

from collections.abc import Iterator, Sequence

from mappedram.check import Severity
from mappedram.html import clauses
from mappedram.html.entries import PageEntry, Remark, badness
from mappedram.html.findings import brief
from mappedram.html.markup import Markup, cut, lines, tag
from mappedram.stream.model import Element
from mappedram.stream.regions import Region
from mappedram.stream.snapshot import OpenSnapshot
from mappedram.view.fields import ShownField, decoded, fields_of
from mappedram.view.regions import sample
from mappedram.view.text import hex_bytes, size

#: Most fields on a page; `layout --hex` shows all.
_FIELDS_MAX = 2000
#: Bytes shown of a field, characters of its value, and of the name of a region.
_BYTES_SHOWN = 64
_VALUE_SHOWN = 160
_NAME_SHOWN = 80

_COLUMNS = ("offset", "bytes", "field", "value", "meaning", "clause")
_HEAD = tag("thead", tag("tr", *(tag("th", column) for column in _COLUMNS)))


class Listing:
    """The listing of one file.

    Attributes:
        html: the markup.
        clauses: numbers of the clauses that it refers to.
    """

    def __init__(
        self, snapshot: OpenSnapshot, shown: Sequence[PageEntry], remarks: Sequence[Remark]
    ) -> None:
        self.clauses: set[str] = set()
        self._snapshot = snapshot
        self._fields_left = _FIELDS_MAX
        self._remarks: dict[int, list[Remark]] = {}
        for remark in remarks:
            if remark.entry:
                self._remarks.setdefault(remark.entry.number, []).append(remark)
        # Entries before the pages of the first block are few, and readers begin there.
        first = next((entry.number for entry in shown if entry.kind == "bitmap"), 0)
        self.html = tag(
            "div", *(self._entry(entry, entry.number < first) for entry in shown), class_="listing"
        )

    def _entry(self, entry: PageEntry, is_open: bool) -> Markup:
        found = self._remarks.get(entry.number, [])
        worst = _worst(found)
        length = entry.end - entry.offset
        summary = tag(
            "summary",
            tag("code", f"{entry.offset:#x}"),
            tag("span", cut(entry.name, _NAME_SHOWN), class_=f"name k-{entry.kind}"),
            tag("span", f"{len(found)} {worst}", class_=f"badge {worst}") if worst else None,
            tag("span", size(length), class_="size"),
        )
        return tag(
            "details",
            summary,
            *map(brief, found),
            *self._body(entry, found),
            id=f"r{entry.number}",
            data_o=entry.offset,
            data_e=entry.end,
            data_k=entry.kind,
            open=is_open or bool(found),
        )

    def _body(self, entry: PageEntry, found: Sequence[Remark]) -> Iterator[Markup]:
        region = entry.region
        if region is None:
            yield tag("p", f"up to {entry.end:#x}; they are like those before, or too many.")
            return
        yield tag("p", tag("code", region.path), f" up to {region.end:#x}", class_="path")
        if region.element is None:
            yield tag("pre", lines(sample(self._snapshot, region)))
        elif self._fields_left > 0:
            yield self._structure(region.element, found)
        else:
            yield tag("p", _left_out(region), class_="note")

    def _structure(self, element: Element[object], found: Sequence[Remark]) -> Markup:
        fields = fields_of(self._snapshot, element)
        self._fields_left -= len(fields)
        return tag("table", _HEAD, tag("tbody", *(self._row(field, found) for field in fields)))

    def _row(self, field: ShownField, found: Sequence[Remark]) -> Markup:
        about = clauses.of_field(field)
        self.clauses.update(about)
        data = self._snapshot.source.peek(field.offset, min(field.length, _BYTES_SHOWN))
        more = f" … {field.length} bytes" if field.length > len(data) else ""
        marked = [remark for remark in found if remark.concerns(field.offset, field.length)]
        return tag(
            "tr",
            tag("td", f"{field.offset:#x}"),
            tag("td", f"{hex_bytes(data)}{more}"),
            tag("th", field.path),
            tag("td", cut(decoded(field.name, field.value), _VALUE_SHOWN)),
            tag("td", clauses.prose(field.doc)),
            tag("td", clauses.links(about)),
            class_=_worst(marked),
        )


def _worst(found: Sequence[Remark]) -> Severity | None:
    return min((remark.finding.severity for remark in found), key=badness, default=None)


def _left_out(region: Region) -> str:
    return f"mappedram layout --hex --region '{region.path}' shows its fields"
