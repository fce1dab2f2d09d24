"""Rebuild a file from its parsed values with each declaration, and compare the bytes."""

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

#: Regions that are not rebuilt, by kind.
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
    """The result of rebuilding a file with one of the declarations.

    Attributes:
        driver: name of the declaration.
        mismatch: the first difference; None if there is none, or the file was not rebuilt.
        problem: why the file was not rebuilt; empty if it was.
        coverage: how many bytes were compared; None if they differ, or the file was not rebuilt.
    """

    driver: DriverName
    mismatch: Mismatch | None = None
    problem: str = ""
    coverage: Compared | None = None

    @property
    def identical(self) -> bool | None:
        """Whether all rebuilt bytes are the same; None if the file was not rebuilt."""
        return None if self.problem else self.mismatch is None

    @property
    def text(self) -> str:
        """The result as text."""
        if self.problem:
            return f"not rebuilt ({self.driver}): {self.problem}"
        if self.mismatch is None:
            end = self.coverage and self.coverage.end
            to = "" if end is None else f", up to {end:#x}"
            return f"identical ({self.driver}{to})"
        where = self.mismatch
        return (
            f"differs ({self.driver}) at {where.offset:#x}, {where.path}:"
            f" rebuilt {where.expected}, in the file {where.actual}"
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
    """The results of all declarations as text, with the number of bytes compared."""
    told = {one.driver: _told(one.coverage) for one in found if one.coverage}
    if len({*told.values()}) > 1:
        told = {driver: f"{text} by {driver}" for driver, text in told.items()}
    return "; ".join([", ".join(one.text for one in found), *dict.fromkeys(told.values())])


def _told(coverage: Compared) -> str:
    passed = coverage.passed
    kinds = ", ".join(f"{_PASSED[kind]} {passed[kind]:,}" for kind in _PASSED if kind in passed)
    over = f"{sum(passed.values()):,} skipped" + (f" ({kinds})" if kinds else "")
    return f"{coverage.rebuilt:,} bytes rebuilt, {over}"


def rebuilt(file: Openable | Source, offset: int = 0) -> list[Rebuilt]:
    """Rebuild a file from its parsed values with each declaration, and compare the bytes.

    Args:
        file: as for `check`.
        offset: offset of the stream, or of a libvirt save image. A compressed stream is
            decompressed first.
    """
    try:
        # Decompress only once: it is the slowest step.
        with reading(file) as source, unpacked(source, offset) as inside:
            return [_rebuilt(*inside[:3], name) for name in drivers.DRIVERS]
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
    """Counts of a decompressed stream, plus those of the header and texts of its image."""
    if isinstance(found, Mismatch):
        return found
    header = container.image.header
    texts = container.image.stream_offset - header.end
    gap = found.passed.get("gap", 0) + texts
    return found._replace(
        rebuilt=found.rebuilt + header.length, passed={**found.passed, "gap": gap}
    )


def _of_image(container: Container, name: DriverName) -> Mismatch | None:
    """Difference in the header of a libvirt save image, if any."""
    header = container.image.header
    values = complete(libvirt.LibvirtHeader, header.fields)
    data = drivers.get(name).build(KINDS[header.kind], values, header.params)
    actual = container.source.read(header.offset, header.length)
    return differing(header, data, actual) if data != actual else None
