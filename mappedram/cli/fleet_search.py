"""`mappedram fleet search`: where a pattern stands in the memory of many guests."""

import click

from mappedram.cli.fleet_running import (
    STATUS_OF_ALL,
    Running,
    fleet_options,
    label,
    run_on_all,
)
from mappedram.cli.memory import block_option
from mappedram.cli.options import below_4g_option, epilog, offset_option, refuse_impossible
from mappedram.cli.partial import partial_option
from mappedram.cli.search import match_options, pattern_bytes, pattern_options
from mappedram.fleet.searching import SearchJob, search_all


@click.command(
    "search",
    short_help="Find text or bytes in the memory of many guests.",
    epilog=epilog(
        "Examples:\n"
        "  mappedram fleet search 'Linux version ' '/srv/*.mapped-ram' -o found.jsonl\n"
        "  mappedram fleet search --as hex '7f 45 4c 46' --count --from list.txt\n"
        "  jq -r 'select(.matches != []) | .file' found.jsonl",
        STATUS_OF_ALL,
    ),
)
@click.argument("wanted", metavar="TEXT")
@fleet_options()
@pattern_options
@block_option
@match_options
@below_4g_option
@offset_option
@partial_option
def command(
    wanted: str,
    running: Running,
    kind: str,
    encoding: str | None,
    idstr: str | None,
    context: int,
    only_count: bool,
    limit: int | None,
    below_4g: int | None,
    offset: int,
    partial: bool,
) -> int:
    """Search the memory of guests for TEXT, as `mappedram search` does, many files at a time.

    The result for each file is a line of JSON, the object of `mappedram search --output json`. A
    large snapshot is searched in pieces, on several processes or workers at a time; the time limit
    holds for each piece. PATTERN and the options that say how the work is done are those of
    `mappedram fleet check`.
    """
    pattern = pattern_bytes(wanted, kind, encoding)
    if idstr is not None and below_4g is not None:
        raise click.UsageError("--below-4g goes without --block")
    refuse_impossible(below_4g)
    options = {"count": only_count, "partial": partial, "block": idstr, "context": context}
    options |= {"limit": limit, "below_4g": below_4g, "offset": offset}
    name = label("search", hex=pattern.hex(), **options)
    chosen = (idstr, below_4g, context, limit)
    job = SearchJob(name, pattern, *chosen, only_count=only_count, partial=partial, offset=offset)
    return run_on_all(job, running, lambda engine, files: search_all(engine, job, files))
