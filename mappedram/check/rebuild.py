"""A file built again of its own values, by each of the two declarations: is it the same?"""

from dataclasses import dataclass

from mappedram.check.save_image import Container, unpacked
from mappedram.errors import MappedRamError
from mappedram.format import drivers, libvirt
from mappedram.format.complete import complete
from mappedram.format.drivers import DriverName
from mappedram.format.structures import KINDS
from mappedram.io.source import Source
from mappedram.json_types import Json
from mappedram.stream.rebuild import Again, Mismatch, build_again, differing


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What became of a file with one of the declarations.

    Attributes:
        driver: the name of the declaration.
        mismatch: where it differs first; None where it does not, or was not built.
        problem: why it was not built; empty where it was.
        end: first byte that the declaration does not follow; None if it follows all.
    """

    driver: DriverName
    mismatch: Mismatch | None = None
    problem: str = ""
    end: int | None = None

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
            to = "" if self.end is None else f", up to {self.end:#x}"
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
            "end": self.end,
        }


def rebuilt(path: str, offset: int = 0) -> list[Rebuilt]:
    """Build a file of its own values by each declaration, and compare.

    Args:
        path: the file.
        offset: where the stream, or a save image of libvirt, begins. Of a compressed image, the
            stream is that which was decompressed.
    """
    try:
        # Decompressing takes the longest, and is done once.
        with Source(path) as source, unpacked(source, offset) as (stream, begin, container):
            return [_rebuilt(stream, begin, container, name) for name in drivers.DRIVERS]
    except (MappedRamError, OSError) as error:
        return [Rebuilt(name, problem=str(error)) for name in drivers.DRIVERS]


def _rebuilt(stream: Source, begin: int, container: Container | None, name: DriverName) -> Rebuilt:
    try:
        found = container and _of_image(container, name)
        again = Again(found) if found else build_again(stream, begin, drivers.get(name))
        return Rebuilt(name, again.mismatch, end=again.end)
    except (MappedRamError, OSError) as error:
        return Rebuilt(name, problem=str(error))


def _of_image(container: Container, name: DriverName) -> Mismatch | None:
    """The header of an image of libvirt."""
    header = container.image.header
    values = complete(libvirt.LibvirtHeader, header.fields)
    data = drivers.get(name).build(KINDS[header.kind], values, header.params)
    actual = container.source.read(header.offset, header.length)
    return differing(header, data, actual) if data != actual else None
