"""A file built again of its own values, by each of the two declarations: is it the same?"""

from collections.abc import Sequence
from dataclasses import dataclass

from mappedram.check.save_image import Container, unpacked
from mappedram.errors import MappedRamError
from mappedram.format import drivers, libvirt
from mappedram.format.complete import complete
from mappedram.format.drivers import DriverName
from mappedram.format.structures import KINDS
from mappedram.io.opening import Openable, reading
from mappedram.io.source import Source
from mappedram.json_types import Json
from mappedram.stream.rebuild import Compared, Mismatch, compare, differing

#: What was not built of its values, by the kind of region.
_PASSED = {
    "payload": "payloads",
    "text": "JSON text",
    "bitmap": "bitmaps",
    "pages": "pages",
    "padding": "padding",
    "gap": "outside the stream",
}


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What became of a file with one of the declarations.

    Attributes:
        driver: the name of the declaration.
        mismatch: where it differs first; None where it does not, or was not built.
        problem: why it was not built; empty where it was.
        coverage: of how many bytes that is said; None where it differs, or was not built.
    """

    driver: DriverName
    mismatch: Mismatch | None = None
    problem: str = ""
    coverage: Compared | None = None

    @property
    def identical(self) -> bool | None:
        """Whether each byte that is built is the same; None where the file was not built."""
        return None if self.problem else self.mismatch is None

    @property
    def text(self) -> str:
        """The same for a person."""
        if self.problem:
            return f"not rebuilt ({self.driver}): {self.problem}"
        if self.mismatch is None:
            end = self.coverage and self.coverage.end
            to = "" if end is None else f", up to {end:#x}"
            return f"identical ({self.driver}{to})"
        where = self.mismatch
        return (
            f"differs ({self.driver}) at {where.offset:#x}, {where.path}:"
            f" built {where.expected}, the file has {where.actual}"
        )

    def to_dict(self) -> dict[str, Json]:
        """For JSON."""
        differs = self.mismatch._asdict() if self.mismatch else None
        return {
            "identical": self.identical,
            "mismatch": differs,
            "problem": self.problem or None,
            "end": self.coverage and self.coverage.end,
            "bytes_rebuilt": self.coverage and self.coverage.rebuilt,
            "bytes_passed": self.coverage and dict(self.coverage.passed),
        }


def summary(found: Sequence[Rebuilt]) -> str:
    """All declarations for a person: what came of each, and of how many bytes that is said."""
    told = {one.driver: _told(one.coverage) for one in found if one.coverage}
    if len({*told.values()}) > 1:
        told = {driver: f"{text} by {driver}" for driver, text in told.items()}
    return "; ".join([", ".join(one.text for one in found), *dict.fromkeys(told.values())])


def _told(coverage: Compared) -> str:
    passed = coverage.passed
    kinds = ", ".join(f"{_PASSED[kind]} {passed[kind]:,}" for kind in _PASSED if kind in passed)
    over = f"{sum(passed.values()):,} passed over" + (f" ({kinds})" if kinds else "")
    return f"{coverage.rebuilt:,} bytes rebuilt, {over}"


def rebuilt(file: Openable | Source, offset: int = 0) -> list[Rebuilt]:
    """Build a file of its own values by each declaration, and compare.

    Args:
        file: as for `check`.
        offset: where the stream, or a save image of libvirt, begins. Of a compressed image, the
            stream is that which was decompressed.
    """
    try:
        # Decompressing takes the longest, and is done once.
        with reading(file) as source, unpacked(source, offset) as (stream, begin, container):
            return [_rebuilt(stream, begin, container, name) for name in drivers.DRIVERS]
    except (MappedRamError, OSError) as error:
        return [Rebuilt(name, problem=str(error)) for name in drivers.DRIVERS]


def _rebuilt(stream: Source, begin: int, container: Container | None, name: DriverName) -> Rebuilt:
    try:
        if container is None:
            return _outcome(name, compare(stream, begin, drivers.get(name)))
        if different := _of_image(container, name):
            return _outcome(name, different)
        if stream is not container.source:
            found = compare(stream, begin, drivers.get(name))
            return _outcome(name, _with_image(found, container))
        header = container.image.header
        beside = range(header.offset, header.end)
        return _outcome(name, compare(stream, begin, drivers.get(name), beside))
    except (MappedRamError, OSError) as error:
        return Rebuilt(name, problem=str(error))


def _outcome(name: DriverName, found: Mismatch | Compared) -> Rebuilt:
    return Rebuilt(name, found) if isinstance(found, Mismatch) else Rebuilt(name, coverage=found)


def _with_image(found: Mismatch | Compared, container: Container) -> Mismatch | Compared:
    """Counts of a decompressed stream, with those of what stands before it in its image."""
    if isinstance(found, Mismatch):
        return found
    header = container.image.header
    texts = container.image.stream_offset - header.end
    gap = found.passed.get("gap", 0) + texts
    return found._replace(
        rebuilt=found.rebuilt + header.length, passed={**found.passed, "gap": gap}
    )


def _of_image(container: Container, name: DriverName) -> Mismatch | None:
    """The header of an image of libvirt."""
    header = container.image.header
    values = complete(libvirt.LibvirtHeader, header.fields)
    data = drivers.get(name).build(KINDS[header.kind], values, header.params)
    actual = container.source.read(header.offset, header.length)
    return differing(header, data, actual) if data != actual else None
