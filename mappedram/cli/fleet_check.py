"""`mappedram fleet check`: judge many files."""

from collections.abc import Iterator

import click

from mappedram.check import RULES
from mappedram.cli.fleet_running import (
    STATUS_OF_ALL,
    Running,
    fleet_options,
    label,
    run_on_all,
)
from mappedram.cli.loading import loading_options, question
from mappedram.cli.options import epilog, offset_option
from mappedram.cli.selecting import selection, selection_options
from mappedram.fleet.checking import CheckJob
from mappedram.fleet.work import Entry


@click.command(
    "check",
    short_help="Judge many snapshots: a line of JSON for each, and a summary.",
    epilog=epilog(
        "Examples:\n"
        "  mappedram fleet check '/srv/snapshots/**/*.mapped-ram' -o results.jsonl\n"
        "  mappedram fleet check --from list.txt --resume results.jsonl\n"
        "  find /srv -name '*.save' -print0 | mappedram fleet check --from - --jobs 8\n"
        "  mappedram fleet check --scheduler tcp://10.0.0.1:8786 '/nfs/*.mapped-ram' -o r.jsonl\n"
        "  jq -r 'select(.verdict == \"corrupt\") | .file' results.jsonl",
        STATUS_OF_ALL,
    ),
)
@fleet_options("junit")
@selection_options
@offset_option
@loading_options
def command(
    running: Running,
    select: tuple[str, ...],
    ignore: tuple[str, ...],
    offset: int,
    qemu: str | None,
    destination: str | None,
) -> int:
    """Judge snapshots as `mappedram check` does, many at a time.

    PATTERN is a name, or has the wildcards *, ? and [...]; ** stands for any number of folders.
    Quote it if the shell would make too many names of it.

    The result for each file is a line of JSON, the object of `mappedram check --output json`,
    written as soon as the file is judged. A file that crashes the process that works on it, takes
    too long or needs too much memory gets a line with `error`, and costs nothing else.
    """
    chosen = selection(select, ignore)
    asked = question(qemu, destination, chosen.takes)
    options = {"qemu": qemu, "destination": destination, "offset": offset}
    name = label("check", select=chosen.select, ignore=chosen.ignore, **options)
    job = CheckJob(name, offset, chosen, asked.release, asked.destination)

    def report(entries: Iterator[Entry]) -> Iterator[str]:
        from mappedram.check.reports import junit

        rules = [rule for code, rule in RULES.items() if asked.wants(code)]
        return junit.pieces(map(job.result, entries), rules)

    return run_on_all(job, running, report=report)
