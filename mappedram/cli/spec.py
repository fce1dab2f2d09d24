"""`mappedram spec`: the specification and the test vectors, as files."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from mappedram.cli import output
from mappedram.cli.completing import complete_specification
from mappedram.cli.options import OutPath, epilog, output_option
from mappedram.cli.status import FINE, about
from mappedram.cli.writing import ended_by_signals, force_option
from mappedram.format.specification import FILES, SpecificationFile
from mappedram.io.staged import StagedFiles
from mappedram.printable import printable
from mappedram.view.text import size, table


@click.command(
    "spec",
    short_help="Print or write the specification, its .ksy files and test vectors.",
    epilog=epilog(
        "Examples:\n"
        "  mappedram spec\n"
        "  mappedram spec format.md | less\n"
        "  mappedram spec -d mapped-ram-spec/\n"
        "  mappedram spec -d . vectors.jsonl",
        "Members of a line in vectors.jsonl:\n"
        "  name, why   name of the vector, and the reason for it\n"
        "  offset      offset of the stream in the file\n"
        "  file        contents of the file: size, and data as [offset, hexadecimal],\n"
        "              zero elsewhere; or an archive of the source distribution\n"
        "  expected    values of the fields, or why a parser refuses the file\n"
        "  above_2_53  whether the file has numbers above 2^53 - 1",
        "The .ksy files are under CC0-1.0, all others under Apache-2.0.",
        "Exit status:\n"
        "  0   success\n"
        "  1   failure; no partly written file is left\n"
        "  64  usage error",
    ),
)
@click.argument("names", nargs=-1, metavar="[NAME]...", shell_complete=complete_specification)
@click.option(
    "-d",
    "--directory",
    type=OutPath(),
    metavar="DIR",
    help="Write the files into DIR; create DIR if it does not exist.",
)
@force_option
@output_option
def command(names: tuple[str, ...], directory: Path | None, force: bool, form: str) -> int:
    """Print a file of the specification, or write several files into a folder.

    The files belong to this version of the package: the format in numbered clauses, the same
    format in Kaitai Struct for parsers in other languages, known defects of programs, and test
    vectors. Without NAME, list all files, or write all of them with -d.
    """
    files = _chosen(names)
    if directory is not None:
        with about(str(directory)), ended_by_signals():
            _write(files, directory, force)
    if form == "json":
        texts = bool(names) and directory is None
        output.write_json([_as_dict(file, directory, with_text=texts) for file in files])
    elif directory is not None:
        for file in files:
            output.line(f"{printable(str(directory / file.name))}: {file.about}")
    elif names:
        for file in files:
            output.write(file.text)
    else:
        rows = [(file.name, size(len(file.data)), file.about) for file in files]
        for row in table(("name", "size", "contents"), rows, right="size", columns=output.width()):
            output.line(row)
    return FINE


def _chosen(names: Sequence[str]) -> list[SpecificationFile]:
    for name in names:
        if name not in FILES:
            raise click.UsageError(f"no file {name!r}; expected one of {', '.join(FILES)}")
    return [FILES[name] for name in dict.fromkeys(names or FILES)]


def _write(files: Sequence[SpecificationFile], directory: Path, force: bool) -> None:
    """Write all of the files, or none."""
    directory.mkdir(parents=True, exist_ok=True)
    with StagedFiles(force=force, public=True) as staged:
        for file in files:
            with open(staged.open(directory / file.name), "wb", closefd=False) as stream:
                stream.write(file.data)


def _as_dict(file: SpecificationFile, directory: Path | None, *, with_text: bool) -> dict[str, Any]:
    return {
        "name": file.name,
        "size": len(file.data),
        "holds": file.about,
        **({"path": str(directory / file.name)} if directory is not None else {}),
        **({"text": file.text} if with_text else {}),
    }
