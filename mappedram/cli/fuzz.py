"""`mappedram fuzz`: files to try parsers on, and what finds defects with them."""

import click

from mappedram.cli import fuzz_corpus, fuzz_run
from mappedram.cli.options import epilog


@click.group(
    "fuzz",
    short_help="Files to try parsers on, and what finds defects with them.",
    epilog=epilog(
        "Examples:\n"
        "  mappedram fuzz corpus files/ --count 600\n"
        "  mappedram fuzz run --count 5000 -- ./parser {}\n"
        "  mappedram fuzz run --target qemu:/usr/bin/qemu-system-x86_64 --time 300"
    ),
)
def command() -> None:
    """Make sound, broken and wild snapshots, and try them on a parser or on QEMU."""


command.add_command(fuzz_corpus.command)
command.add_command(fuzz_run.command)
