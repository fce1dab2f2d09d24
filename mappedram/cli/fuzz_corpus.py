"""`mappedram fuzz corpus`: a folder of files to try parsers on."""

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
    short_help="A folder of files, and what is wrong with each.",
    epilog=epilog(
        "Examples:\n  mappedram fuzz corpus files/\n  mappedram fuzz corpus --seed 7 files/",
        "Exit status:\n"
        "  0   the files were written\n"
        "  1   they were not: DIR is not empty, or cannot be written to\n"
        "  2   some could not be drawn, a defect of mappedram; the others were written\n"
        "  64  wrong usage",
    ),
)
@click.argument("folder", type=OutPath(), metavar="DIR")
@click.option(
    "--count",
    type=click.IntRange(1),
    default=300,
    show_default=True,
    metavar="N",
    help="How many files. With 300, each rule of `check` is broken once.",
)
@click.option(
    "--seed",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    metavar="S",
    help="Which files: the same ones, to the byte, for the same number.",
)
@first_option
@click.option("--force", is_flag=True, help="Add to files that are in DIR already.")
@output_option
def command(folder: Path, count: int, seed: int, first: int, force: bool, form: str) -> int:
    """Write a folder of snapshots: sound ones, ones that break one rule, and wild ones, in turn.

    DIR/manifest.json says of each its SHA-256, where the stream begins, the rules that it breaks,
    and what each release of QEMU is expected to make of it.
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
