"""`mappedram search`: where a pattern stands in guest memory."""

import re
from collections.abc import Callable, Iterator
from itertools import islice
from typing import TypeVar

import click

from mappedram.cli import output
from mappedram.cli.memory import (
    block_option,
    chosen_memory,
    place_in_words,
    unknown_in,
)
from mappedram.cli.options import (
    below_4g_option,
    driver_option,
    epilog,
    file_argument,
    memory_option,
    offset_option,
    output_option,
    snapshot_option,
    within,
)
from mappedram.cli.partial import (
    STATUS_OF_PARTIAL,
    note_unknown,
    partial_option,
    partly,
)
from mappedram.cli.status import about
from mappedram.format.drivers import DriverName
from mappedram.guest.physical.located import locate
from mappedram.guest.physical.match_view import MatchView
from mappedram.json_types import Json
from mappedram.stream.coverage import Coverage, require_known
from mappedram.view.text import text_of
from mappedram.view.unknown import as_dicts

#: Bytes that are shown before and behind a match.
_CONTEXT = 16
_CONTEXT_MAX = 4096
_ESCAPE = re.compile(r"\\(?:x([0-9a-fA-F]{2})|(.)|$)", re.DOTALL)
#: A function that click turns into a command.
Command = TypeVar("Command", bound=Callable[..., object])
_ESCAPED = {"n": b"\n", "t": b"\t", "r": b"\r", "0": b"\0", "\\": b"\\"}


def pattern_options(command: Command) -> Command:
    """The options `--as` and `--encoding`."""
    for option in (
        click.option(
            "--encoding",
            metavar="NAME",
            help="Encoding of text in the guest, such as utf-16-le.  [default: utf-8]",
        ),
        click.option(
            "--as",
            "kind",
            type=click.Choice(["text", "hex", "bytes"]),
            default="text",
            show_default=True,
            help="How PATTERN is written: text as it is, hex digits, or text with escapes such as"
            " \\x00, \\n and \\\\.",
        ),
    ):
        command = option(command)
    return command


def match_options(command: Command) -> Command:
    """The options `--context`, `--count` and `--limit`."""
    for option in (
        click.option(
            "--limit",
            type=click.IntRange(1),
            metavar="N",
            help="Stop after N matches.  [default: none]",
        ),
        click.option(
            "--count", "only_count", is_flag=True, help="Print the number of matches only."
        ),
        click.option(
            "-C",
            "--context",
            type=click.IntRange(0, _CONTEXT_MAX),
            default=_CONTEXT,
            show_default=True,
            metavar="N",
            help="Show N bytes before and behind each match.",
        ),
    ):
        command = option(command)
    return command


@click.command(
    "search",
    short_help="Find text or bytes in guest memory.",
    epilog=epilog(
        "Examples:\n"
        "  mappedram search 'Linux version ' guest.mapped-ram\n"
        "  mappedram search --as hex '7f 45 4c 46' --limit 10 guest.mapped-ram\n"
        "  mappedram search --as bytes 'root:x:0:0\\n' --count guest.save\n"
        "  mappedram search --encoding utf-16-le password --block pc.ram guest.mapped-ram",
        "Each match is a line: the address, the block with the offset in it, the offset in FILE,\n"
        "and the bytes around the match as text. Dump more with `mappedram dump`.",
        STATUS_OF_PARTIAL.replace("done\n", "searched, whether found or not\n", 1),
    ),
)
@click.argument("pattern", metavar="PATTERN")
@file_argument
@pattern_options
@block_option
@match_options
@below_4g_option
@memory_option
@snapshot_option
@offset_option
@driver_option
@partial_option
@output_option
def command(
    pattern: str,
    file: str,
    kind: str,
    encoding: str | None,
    idstr: str | None,
    context: int,
    only_count: bool,
    limit: int | None,
    below_4g: int | None,
    chosen: str | None,
    offset: int,
    driver: DriverName,
    partial: bool,
    form: str,
) -> int:
    """Search the memory of the guest in the snapshot FILE for PATTERN.

    Addresses are guest-physical ones, as `mappedram map` shows them; with --block, offsets in one
    RAM block. Matches may overlap, and may lie across pages and blocks that follow each other.
    Pages of zeros are not searched.

    Where FILE does not tell what pages hold, nothing is searched without --partial, which passes
    over them.
    """
    wanted = pattern_bytes(pattern, kind, encoding)
    if idstr is not None and below_4g is not None:
        raise click.UsageError("--below-4g goes without --block")
    with about(file), partly(partial, within(file, chosen), offset, driver=driver) as (snapshot, _):
        memory = chosen_memory(snapshot, idstr, below_4g)
        unknown = unknown_in(memory, snapshot)
        if not partial:
            require_known(unknown, snapshot.stream.stopped)
        found = islice(memory.search(wanted, partial=True), limit)
        shown = MatchView(memory, len(wanted), context, physical=idstr is None)
        if only_count:
            count = sum(1 for _ in found)
        elif form == "json":
            count = _write_json(file, wanted, shown, found, unknown)
        else:
            count = _write_lines(shown, found)
        if only_count and form == "json":
            told = {"file": file, "pattern": wanted.hex(), "count": count}
            output.write_json({**told, "unknown": as_dicts(unknown)})
        elif only_count:
            output.line(str(count))
    if form != "json" and not count:
        output.note(f"{file}: no match")
    return note_unknown(unknown)


def pattern_bytes(text: str, kind: str, encoding: str | None) -> bytes:
    """The bytes that are sought.

    Raises:
        UsageError: the text is not written like that, or is empty.
    """
    if encoding is not None and kind != "text":
        raise click.UsageError("--encoding goes with --as text")
    if kind == "hex":
        wanted = _from_hex(text)
    elif kind == "bytes":
        wanted = b"".join(_unescaped(text))
    else:
        wanted = _encoded(text, encoding)
    if not wanted:
        raise click.UsageError("PATTERN: expected at least one byte")
    return wanted


def _from_hex(text: str) -> bytes:
    digits = re.sub(r"[\s:]|\b0x", "", text, flags=re.IGNORECASE)
    try:
        return bytes.fromhex(digits)
    except ValueError:
        raise click.UsageError(
            f"PATTERN {text!r}: expected pairs of hex digits, such as '7f 45 4c 46'"
        ) from None


def _encoded(text: str, encoding: str | None) -> bytes:
    if encoding is None:
        return text.encode("utf-8", "surrogateescape")  # as it was typed
    try:
        return text.encode(encoding)
    except LookupError:
        raise click.UsageError(f"--encoding {encoding!r}: no such encoding") from None
    except UnicodeError as error:
        raise click.UsageError(f"PATTERN: {error}") from error


def _unescaped(text: str) -> Iterator[bytes]:
    position = 0
    for match in _ESCAPE.finditer(text):
        yield text[position : match.start()].encode("utf-8", "surrogateescape")
        position = match.end()
        digits, letter = match.groups()
        if digits is None and letter not in _ESCAPED:
            raise click.UsageError(
                f"PATTERN: {match[0]!r}: expected \\xHH, \\n, \\r, \\t, \\0 or \\\\"
            )
        yield bytes.fromhex(digits) if digits is not None else _ESCAPED[letter]
    yield text[position:].encode("utf-8", "surrogateescape")


def _write_lines(shown: MatchView, found: Iterator[int]) -> int:
    count = 0
    for address in found:
        count += 1
        place = f"{address:#014x}  {place_in_words(locate(shown.memory, address))}"
        before, match, behind = map(text_of, shown.around(address))
        text = f"{before}{output.styled(match, 'bold')}{behind}"
        width = output.width()
        if width is not None and len(place) + len(before + match + behind) + 4 > width:
            output.line(place)
            output.line(f"    |{text}|")
        else:
            output.line(f"{place}  |{text}|")
    return count


def _write_json(
    file: str, pattern: bytes, shown: MatchView, found: Iterator[int], unknown: list[Coverage]
) -> int:
    count = 0

    def matches() -> Iterator[dict[str, Json]]:
        nonlocal count
        for address in found:
            count += 1
            yield shown.as_dict(address)

    output.write_json(
        {
            "file": file,
            "pattern": pattern.hex(),
            "matches": matches(),
            "unknown": as_dicts(unknown),
        }
    )
    return count
