"""`mappedram fuzz corpus`: write a folder of test files for parsers."""

from pathlib import Path

import click

from mappedram.cli import output
from mappedram.cli.fuzz_drawing import first_option, note_fault, undrawn
from mappedram.cli.options import OutPath, epilog, output_option
from mappedram.cli.status import CORRUPT, FINE, about
from mappedram.cli.writing import counted, ended_by_signals
from mappedram.printable import plural, printable


@click.command(
    "corpus",
    short_help="Write a folder of test files, with a manifest of their defects.",
    epilog=epilog(
        "Examples:\n  mappedram fuzz corpus files/\n  mappedram fuzz corpus --seed 7 files/",
        "Exit status:\n"
        "  0   the files were written\n"
        "  1   no files were written: DIR is not empty, or cannot be written to\n"
        "  2   some files could not be generated, a bug in mappedram; the others were\n"
        "      written\n"
        "  64  usage error",
    ),
)
@click.argument("folder", type=OutPath(), metavar="DIR")
@click.option(
    "--count",
    type=click.IntRange(1),
    default=300,
    show_default=True,
    metavar="N",
    help="Number of files. 300 files break each rule of `check` at least once.",
)
@click.option(
    "--seed",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    metavar="S",
    help="Seed. The same seed gives the same files, byte for byte.",
)
@first_option
@click.option("--force", is_flag=True, help="Write into DIR even if it is not empty.")
@output_option
def command(folder: Path, count: int, seed: int, first: int, force: bool, form: str) -> int:
    """Write a folder of snapshots: valid ones, ones that break a single rule, and random ones.

    DIR/manifest.json lists for each file its SHA-256, the offset of the stream, the rules that it
    breaks, and the result expected from each release of QEMU.
    """
    from mappedram.fuzz.corpus import write

    with about(str(folder)), ended_by_signals(), counted("write", count) as made:
        manifest = write(
            folder,
            seed=seed,
            count=count,
            first=first,
            force=force,
            on_file=lambda _: made(),
            on_fault=note_fault,
        )
    if form == "json":
        output.write_json({"folder": str(folder), **manifest}, levels=2)
    else:
        kinds = [entry["kind"] for entry in manifest["files"]]
        parts = (f"{kinds.count(kind)} {kind}" for kind in ("sound", "broken", "wild"))
        faults = undrawn(manifest["faults"]["count"])
        output.line(
            f"{printable(str(folder))}: {plural(len(kinds), 'file')}: {', '.join(parts)}{faults}"
        )
    return CORRUPT if manifest["faults"]["count"] else FINE
