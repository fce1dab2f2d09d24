"""The files of the specification, in an installed package and in a checkout.

A wheel has them in the folder `data` beside this module. A checkout, and so an editable install,
has them where they are edited. `pyproject.toml` gives the build the same list.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
_CHECKOUT = Path(__file__).resolve().parents[3]


@dataclass(frozen=True)
class SpecificationFile:
    """One file of the specification.

    Attributes:
        folder: its folder in the repository.
        name: its name.
        about: short description.
    """

    folder: str
    name: str
    about: str

    @property
    def place(self) -> Path:
        """Path to read it from."""
        installed = _PACKAGE / "data" / self.name
        return installed if installed.is_file() else _CHECKOUT / self.folder / self.name

    @cached_property
    def data(self) -> bytes:
        """Contents of the file.

        Raises:
            OSError: the file is missing: the package was not built as `pyproject.toml` says.
        """
        return self.place.read_bytes()

    @property
    def text(self) -> str:
        """Contents as text. Raises as `data` does."""
        return self.data.decode()


#: All files by name.
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
        SpecificationFile("spec", "live.ksy", "sections of live devices"),
        SpecificationFile(
            "spec", "ram.ksy", "RAM section: blocks, mapped-ram headers, records of pages"
        ),
        SpecificationFile("spec", "libvirt_save_image.ksy", "libvirt save image around a stream"),
        SpecificationFile("spec", "qcow2.ksy", "internal snapshots of a qcow2 disk image"),
        SpecificationFile("spec", "mapped_ram.hexpat", "pattern for the hex editor ImHex"),
        SpecificationFile("spec", "mapped_ram.magic", "magic for file(1)"),
        SpecificationFile(
            "tests/conformance", "vectors.jsonl", "test vectors for parsers in any language"
        ),
    )
}
