"""The files in `tests/fixtures` used for examples, and their structures."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from mappedram.stream.libvirt import open_any, regions_of
from mappedram.stream.regions import Region
from mappedram.view.fields import ShownField, fields_of
from tools.unpack import unpack

FIXTURES = Path(__file__).resolve().parents[2] / "tests" / "fixtures"


@contextmanager
def unpacked(*names: str) -> Iterator[Path]:
    """A folder with only these files in it."""
    with tempfile.TemporaryDirectory(prefix="mappedram-docs-") as folder:
        for name in names:
            unpack(FIXTURES / f"{name}.tar.gz", Path(folder))
        yield Path(folder)


@dataclass(frozen=True)
class Structure:
    """Consecutive fields of one structure, with their bytes."""

    file: str
    fields: tuple[ShownField, ...]
    data: tuple[bytes, ...]


#: Files in the order in which they are searched for an example of a structure.
_SEARCHED = ("pc", "uuid", "aarch64-virt", "libvirt-sparse", "plain", "live")


@cache
def structures() -> dict[str, Structure]:
    """The first structure of each type, by the name of the type."""
    found: dict[str, Structure] = {}
    for name in _SEARCHED:
        with unpacked(name) as folder:
            (path,) = folder.iterdir()
            for structure in _structures(path):
                found.setdefault(structure.fields[0].kind, structure)
    return found


def _structures(path: Path) -> Iterator[Structure]:
    with open_any(path, partial=True) as (snapshot, image):
        for region in regions_of(snapshot, image):
            if region.element is None:
                continue
            fields = fields_of(snapshot, region.element)
            for kind in dict.fromkeys(field.kind for field in fields):
                chosen = tuple(_first(kind, fields))
                data = tuple(snapshot.source.peek(f.offset, f.length) for f in chosen)
                yield Structure(path.name, chosen, data)


def _first(kind: str, fields: list[ShownField]) -> Iterator[ShownField]:
    """The fields of the first structure of a type; those of later ones have other paths."""
    outer: str | None = None
    for field in fields:
        above = field.path.rpartition("/")[0]
        outer = above if outer is None and field.kind == kind else outer
        if field.kind == kind and above == outer:
            yield field


@cache
def regions(name: str) -> tuple[Region, ...]:
    """The regions of a file."""
    with unpacked(name) as folder:
        (path,) = folder.iterdir()
        with open_any(path, partial=True) as (snapshot, image):
            return tuple(regions_of(snapshot, image))
