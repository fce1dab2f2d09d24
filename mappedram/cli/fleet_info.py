"""`mappedram fleet info`: describe many files."""

import click

from mappedram.cli.fleet_running import (
    STATUS_OF_ALL,
    Running,
    fleet_options,
    label,
    run_on_all,
)
from mappedram.cli.options import epilog, offset_option
from mappedram.fleet.describing import InfoJob


@click.command(
    "info",
    short_help="Describe many snapshots: a line of JSON for each, and a summary.",
    epilog=epilog(
        "Examples:\n"
        "  mappedram fleet info '/srv/snapshots/**/*.mapped-ram' -o snapshots.jsonl\n"
        "  jq -r '[.machine, .file] | @tsv' snapshots.jsonl",
        STATUS_OF_ALL,
    ),
)
@fleet_options()
@offset_option
def command(running: Running, offset: int) -> int:
    """Describe snapshots as `mappedram info` does, many at a time.

    The result for each file is a line of JSON, the object of `mappedram info --output json`; if the
    file cannot be parsed to its end, with `error`. PATTERN and all options are those of
    `mappedram fleet check`.
    """
    return run_on_all(InfoJob(label("info", offset=offset), offset), running)
