"""The archives that the site offers, and the page that lists them.

There is one archive for each verified language, with the generated parsers, our part of a runtime,
and an example; one with the `.ksy` files; one with the vectors and the real files that they name.
The same sources give the same bytes on any machine: members are sorted, have no date, and are not
compressed.
"""

import io
import json
import re
import tempfile
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from zipfile import ZIP_STORED, ZipFile, ZipInfo

import mappedram
from tools.docs.kits import KITS, PYTHON_PACKAGE, Kit
from tools.generate import kaitai, ksc, ksy, languages

FOLDER = "downloads"
CHECKSUMS = "SHA256SUMS"
_DRIVERS = ksy.ROOT / "tests" / "conformance" / "drivers"
_VECTORS = ksy.ROOT / "tests" / "conformance" / "vectors.jsonl"
_LANGUAGES = ksy.ROOT / "docs" / "languages.md"
_LICENSES = """\
The files `spec/*.ksy` and the parsers generated from them are under CC0-1.0, everything else is
under Apache-2.0 (LICENSE).
"""

#: What is made from the `.ksy` files for other programs.
_FOR = ("mapped_ram.hexpat", "mapped_ram.magic")

#: Contents of an archive by path.
Files = Mapping[str, bytes]


def build(work: Path) -> dict[str, bytes]:
    """Make all archives and their checksums, by name of the file.

    Args:
        work: a folder for generated files.

    Raises:
        ToolMissingError: Java or Maven is missing.
    """
    work.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=work) as folder:
        jars = ksc.fetch(ksc.COMPILER, Path(folder, "jars"))
        kits = {name: kit_files(name, jars, Path(folder, name)) for name in KITS}
    archives = {
        f"mapped-ram-{name}.zip": archive(f"mapped-ram-{name}", files)
        for name, files in {**kits, "ksy": ksy_files(), "vectors": vector_files()}.items()
    }
    lines = (f"{sha256(data).hexdigest()}  {name}\n" for name, data in sorted(archives.items()))
    return {**archives, CHECKSUMS: "".join(lines).encode()}


def archive(folder: str, files: Files) -> bytes:
    """An archive of files in one folder."""
    stream = io.BytesIO()
    with ZipFile(stream, "w", ZIP_STORED) as opened:
        for path, data in sorted(files.items()):
            member = ZipInfo(f"{folder}/{path}")  # of 1980, the first date of ZIP
            member.create_system = 3  # Unix, on any machine
            member.external_attr = 0o644 << 16
            opened.writestr(member, data)
    return stream.getvalue()


# Contents.


def kit_files(name: str, jars: Path, folder: Path) -> dict[str, bytes]:
    """The files for one language.

    Args:
        name: of the language, as in `KITS`.
        jars: those of the compiler.
        folder: for temporary files.
    """
    kit = KITS[name]
    sources = {f"{kit.parser}/{path}": data for path, data in _parsers(name, jars, folder).items()}
    ours = {
        target or source: (_DRIVERS / name / source).read_bytes()
        for source, target in kit.ours.items()
    }
    return {
        **sources,
        **ours,
        kit.example: _of_archive(example(name)).encode(),
        **_about(_kit_readme(kit)),
    }


def _parsers(name: str, jars: Path, folder: Path) -> dict[str, bytes]:
    """The generated parsers. Those for Python are ours, which can also write."""
    if name == "python":
        modules = sorted((ksy.ROOT / "mappedram" / "format" / "kaitai").glob("*.py"))
        return {path.name: _of_archive(path.read_text("utf-8")).encode() for path in modules}
    made = languages.generate(name, jars, folder)
    return {
        str(path.relative_to(made)): path.read_bytes() for path in made.rglob("*") if path.is_file()
    }


def _of_archive(text: str) -> str:
    """Python source adapted to the place of the parsers in the archive."""
    return text.replace(kaitai.PACKAGE, PYTHON_PACKAGE)


def example(name: str) -> str:
    """The example of docs/languages.md, which prints the blocks of a file."""
    page = _LANGUAGES.read_text(encoding="utf-8")
    blocks = re.findall(rf"^```{name}\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    return str(blocks[0])


def ksy_files() -> dict[str, bytes]:
    """The specification in Kaitai Struct."""
    files = {
        path.name: path.read_bytes() for path in [*ksy.sources(), *map(ksy.SPEC.joinpath, _FOR)]
    }
    text = (
        "`mapped_ram.ksy` describes a whole file, and imports the others. `mapped_ram.hexpat` is"
        " the same\nfor the hex editor ImHex, and `mapped_ram.magic` for file(1)."
    )
    return {**files, **_about(f"# mapped-ram in Kaitai Struct\n\n{text}\n")}


def vector_files() -> dict[str, bytes]:
    """The vectors, and the archives with real files of QEMU that they name."""
    data = _VECTORS.read_bytes()
    named = (json.loads(line)["file"] for line in data.splitlines())
    paths = sorted({file[0] for file in named if isinstance(file, list)})
    text = (
        "`vectors.jsonl` has one vector per line: the contents of a file, or the archive with it,"
        " and\nthe expected result of a parser. `mappedram spec --help` and the page on other"
        " languages\ndescribe the lines."
    )
    return {
        "vectors.jsonl": data,
        **{path: (ksy.ROOT / path).read_bytes() for path in paths},
        **_about(f"# mapped-ram vectors\n\n{text}\n"),
    }


def _kit_readme(kit: Kit) -> str:
    start = "\n".join(f"    {line}" for line in kit.start)
    ours = ", ".join(f"`{target or source}`" for source, target in kit.ours.items())
    return (
        f"# mapped-ram parsers for {kit.title}\n\n"
        f"`{kit.parser}/` is generated from `spec/*.ksy` of mappedram {mappedram.__version__}."
        f"{f' Hand-written: {ours}.' if ours else ''}\n\n"
        f"Requires: {kit.needs}.\n\n`{kit.example}` prints the RAM blocks of FILE:\n\n{start}\n"
    )


def _about(readme: str) -> dict[str, bytes]:
    return {
        "README.md": f"{readme}\n{_LICENSES}".encode(),
        "LICENSE": (ksy.ROOT / "LICENSE").read_bytes(),
    }


# The page.

_HEAD = """\
# Downloads

These archives contain parsers for other programs. See [other languages](languages.md) for the
languages that are verified. The parsers are generated from the specification of the same version as
this site; the archives are reproducible.

"""


def page(archives: Mapping[str, bytes]) -> str:
    """The page, given the archives and their checksums."""
    rows = "\n".join(
        f'| <a href="{FOLDER}/{name}">{name}</a> | {_holds(name)} | {len(data) >> 10:,} KiB'
        f" | `{sha256(data).hexdigest()}` |"
        for name, data in archives.items()
        if name != CHECKSUMS
    )
    starts = "\n".join(_start(name, kit) for name, kit in KITS.items())
    return (
        f"{_HEAD}| archive | contents | size | SHA-256 |\n|---|---|---|---|\n{rows}\n\n"
        f'<a href="{FOLDER}/{CHECKSUMS}">{CHECKSUMS}</a> has them for `sha256sum -c`.\n\n'
        f"{starts}"
    )


def _holds(archive_name: str) -> str:
    name = archive_name.removeprefix("mapped-ram-").removesuffix(".zip")
    if name == "ksy":
        return "the `.ksy` files, a pattern for ImHex, magic for file(1)"
    if name == "vectors":
        return "test vectors, with the QEMU files that they name"
    kit = KITS[name]
    runtime = ", our runtime files" if kit.ours else ""
    return f"parsers for {kit.title}{runtime}, an example"


def _start(name: str, kit: Kit) -> str:
    commands = "\n".join([f"unzip -q mapped-ram-{name}.zip && cd mapped-ram-{name}", *kit.start])
    return f"## {kit.title}\n\nRequires: {kit.needs}.\n\n```sh\n{commands}\n```\n"
