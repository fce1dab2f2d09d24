"""`mappedram fuzz`: generate test files for parsers, and run parsers on them."""

import click

from mappedram.cli import fuzz_corpus, fuzz_run
from mappedram.cli.options import epilog


@click.group(
    "fuzz",
    short_help="Generate test files for parsers, and run parsers on them.",
    epilog=epilog(
        "Examples:\n"
        "  mappedram fuzz corpus files/ --count 600\n"
        "  mappedram fuzz run --count 5000 -- ./parser {}\n"
        "  mappedram fuzz run --target qemu:/usr/bin/qemu-system-x86_64 --time 300"
    ),
)
def command() -> None:
    """Generate valid, broken and random snapshots, and run a parser or QEMU on them."""


command.add_command(fuzz_corpus.command)
command.add_command(fuzz_run.command)
