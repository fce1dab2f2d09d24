"""The files of the specification, in an installed package as in a checkout.

In a wheel they stand in the folder `data` beside this module. In a checkout, and so in an editable
install, they stay where they are edited; `pyproject.toml` says the same to the build.
"""

from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

_PACKAGE = files("mappedram.format.specification")
_CHECKOUT = Path(__file__).resolve().parents[3]


@dataclass(frozen=True)
class SpecificationFile:
    """One file.

    Attributes:
        folder: where it stands in the repository.
        name: its name.
        about: what it is, in a few words.
    """

    folder: str
    name: str
    about: str

    @property
    def place(self) -> Traversable:
        """Where it can be read."""
        installed = _PACKAGE / "data" / self.name
        return installed if installed.is_file() else _CHECKOUT / self.folder / self.name

    @cached_property
    def data(self) -> bytes:
        """Its contents.

        Raises:
            OSError: the file is not there: the package was not built as `pyproject.toml` says.
        """
        return self.place.read_bytes()

    @property
    def text(self) -> str:
        """Its contents as text. Raises as `data` does."""
        return self.data.decode()


#: All of them, by name.
FILES = {
    file.name: file
    for file in (
        SpecificationFile("spec", "format.md", "the format, in numbered clauses"),
        SpecificationFile("spec", "errata.md", "known defects of writers and loaders"),
        SpecificationFile(
            "spec", "mapped_ram.ksy", "a whole file, in Kaitai Struct; imports the other .ksy"
        ),
        SpecificationFile("spec", "stream_header.ksy", "header of the stream"),
        SpecificationFile("spec", "configuration.ksy", "configuration section"),
        SpecificationFile(
            "spec", "section.ksy", "framing of sections, commands, footers, description"
        ),
        SpecificationFile("spec", "live.ksy", "sections of devices that are written by hand"),
        SpecificationFile(
            "spec", "ram.ksy", "RAM section: blocks, mapped-ram headers, records of pages"
        ),
        SpecificationFile(
            "spec", "libvirt_save_image.ksy", "save image of libvirt around a stream"
        ),
        SpecificationFile("spec", "mapped_ram.hexpat", "pattern for the hex editor ImHex"),
        SpecificationFile("spec", "mapped_ram.magic", "magic for file(1)"),
        SpecificationFile(
            "tests/conformance", "vectors.jsonl", "test vectors for parsers in any language"
        ),
    )
}
