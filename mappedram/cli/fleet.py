"""`mappedram fleet`: work on many files, on this machine or on a Dask cluster."""

import click

from mappedram.cli import fleet_check, fleet_info, fleet_search
from mappedram.cli.options import epilog


@click.group(
    "fleet",
    short_help="Judge, describe or search many snapshots.",
    epilog=epilog(
        "Examples:\n"
        "  mappedram fleet check '/srv/snapshots/*.mapped-ram' -o results.jsonl\n"
        "  mappedram fleet check --from list.txt --resume results.jsonl"
    ),
)
def command() -> None:
    """Work on many snapshots, in processes of this machine or on a Dask cluster."""


command.add_command(fleet_check.command)
command.add_command(fleet_info.command)
command.add_command(fleet_search.command)
