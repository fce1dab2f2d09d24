"""`mappedram diff`: compare two snapshots."""

import errno
import functools
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from mappedram.cli import output
from mappedram.cli.options import (
    InPath,
    epilog,
    given_memory,
    memory_option,
    output_option,
    size_type,
    within,
)
from mappedram.cli.status import FailureError, about, message_of
from mappedram.cli.writing import ended_by_signals, progress
from mappedram.diff import (
    BlockDifference,
    Comparison,
    FieldDifference,
    FieldUnknown,
    HeaderDifference,
    PageDifferences,
    SectionDifference,
    Side,
    diff,
)
from mappedram.errors import BackingError, MappedRamError
from mappedram.io.opening import DiskImage, name_of
from mappedram.printable import printable
from mappedram.stream.vmstate import Undecoded, Value, to_json
from mappedram.view.device import device_name, scalar, value_line
from mappedram.view.sections import section_name
from mappedram.view.text import hex_bytes, size, table

#: As `cmp` and `diff` have them.
SAME = 0
DIFFER = 1
TROUBLE = 2

#: One thread is enough for files in the page cache; more threads help when reading from a disk.
_CHANNELS = 4
#: How many of the fields that cannot be compared are named.
_PATHS_SHOWN = 4
#: How many bytes of a buffer are shown, from the first difference on.
_BYTES_SHOWN = 16


@click.command(
    "diff",
    short_help="Compare two snapshots: headers, pages, device fields.",
    epilog=epilog(
        "Examples:\n"
        "  mappedram diff before.mapped-ram after.mapped-ram\n"
        "  mappedram diff --stat before.mapped-ram after.mapped-ram\n"
        "  mappedram diff --offset-b 0x1239 guest.mapped-ram guest.save",
        "Exit status:\n"
        "  0   the snapshots are the same\n"
        "  1   the snapshots differ\n"
        "  2   trouble: the comparison is not complete\n"
        "  64  usage error",
    ),
)
@click.argument("a", type=InPath(), metavar="A")
@click.argument("b", type=InPath(), metavar="B")
@click.option("--stat", "only_counts", is_flag=True, help="Show only counts.")
@functools.partial(memory_option, suffix="-a", file="A")
@functools.partial(memory_option, suffix="-b", file="B")
@click.option(
    "--snapshot-a", metavar="NAME", help="Internal snapshot to read if A is a qcow2 image."
)
@click.option(
    "--snapshot-b", metavar="NAME", help="Internal snapshot to read if B is a qcow2 image."
)
@click.option(
    "--offset-a", type=size_type, default="0", metavar="N", help="Offset of the stream in A."
)
@click.option(
    "--offset-b", type=size_type, default="0", metavar="N", help="Offset of the stream in B."
)
@click.option(
    "--channels",
    type=click.IntRange(1, 255),
    default=_CHANNELS,
    show_default=True,
    metavar="N",
    help="Number of threads that compare pages.",
)
@click.option(
    "--partial",
    is_flag=True,
    help="Compare the known pages of blocks that a file holds in part; the status is still 2.",
)
@output_option
def command(
    a: str,
    b: str,
    only_counts: bool,
    snapshot_a: str | None,
    snapshot_b: str | None,
    offset_a: int,
    offset_b: int,
    channels: int,
    partial: bool,
    form: str,
) -> int:
    """Compare the guests in two snapshots: machine, RAM blocks, pages, and devices field by field.

    The layout of the files is not compared: offsets, alignment, the order of blocks, whether a
    page of zeros is stored, and stale bytes in the file. Prints nothing if the guests are the
    same. Device fields that a metadump left out are not compared.
    """
    with _trouble():
        found = _compared(
            (within(a, snapshot_a), offset_a),
            (within(b, snapshot_b), offset_b),
            channels,
            partial=partial,
        )
        if form == "json":
            _show_json(a, b, found, only_counts)
        elif only_counts:
            _show_counts(found)
        else:
            for line in _lines(found):
                output.line(line)
        for reason in found.trouble:
            output.note(reason)
        output.flush()
    if found.trouble:
        return TROUBLE
    return DIFFER if found.differs else SAME


def _compared(
    a: tuple[str | DiskImage, int],
    b: tuple[str | DiskImage, int],
    channels: int,
    *,
    partial: bool,
) -> Comparison:
    with about(name_of(a[0])), ended_by_signals():
        return diff(
            a[0],
            b[0],
            offset_a=a[1],
            offset_b=b[1],
            memory_a=given_memory("-a"),
            memory_b=given_memory("-b"),
            channels=channels,
            partial=partial,
            progress=progress,
        )


@contextmanager
def _trouble() -> Iterator[None]:
    """Turn errors inside into status 2: the status 1 of other verbs would mean "differ".

    Passes on signals, and a pipe that the reader of our output closed.
    """
    try:
        yield
    except BackingError as error:
        raise click.UsageError(str(error)) from error
    except FailureError as error:
        raise FailureError(error.file, error.message, TROUBLE) from error
    except (MappedRamError, OSError) as error:
        raise FailureError("diff", message_of(error), TROUBLE) from error
    except output.OutputError as error:
        if error.reason.errno == errno.EPIPE:
            raise
        if sys.stdout is not None:  # flushing the buffer would fail once more
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise FailureError("standard output", str(error), TROUBLE) from error
    except Exception as error:
        what = f"internal error: {type(error).__name__}: {error}; --debug shows the traceback"
        raise FailureError("diff", what, TROUBLE) from error


# JSON.


def _show_json(a: str, b: str, found: Comparison, only_counts: bool) -> None:
    details = {
        "headers": [_plain(header) for header in found.headers],
        "blocks": [{"idstr": block.idstr, **_plain(block)} for block in found.blocks],
        "pages": _pages_as_dicts(found),
        "sections": map(_section_as_dict, found.sections),
        "devices": map(_field_as_dict, found.fields),
        "not_compared": map(_unknown_as_dict, found.unknown),
    }
    output.write_json(
        {"a": a, "b": b, "same": found.same}
        | ({} if only_counts else details)
        | {"stat": _counts(found), "trouble": found.trouble}
    )


def _plain(difference: HeaderDifference | BlockDifference) -> dict[str, Any]:
    return {"name": difference.name, "a": difference.a, "b": difference.b}


def _pages_as_dicts(found: Comparison) -> Iterator[dict[str, Any]]:
    for block in found.pages:
        for start, end in block.runs().tolist():
            yield {"idstr": block.idstr, "offset": start, "length": end - start}


def _section_as_dict(difference: SectionDifference) -> dict[str, Any]:
    section = difference.section
    return {
        "type": section.type.name.lower(),
        "idstr": section.idstr,
        "instance_id": section.instance_id,
        "command": section.command,
        "in": difference.side,
    }


def _field_as_dict(field: FieldDifference) -> dict[str, Any]:
    return {
        "idstr": field.idstr,
        "instance_id": field.instance_id,
        "path": field.path,
        "a": to_json(field.a),
        "b": to_json(field.b),
        "in": field.side,
        "note": field.note,
    }


def _unknown_as_dict(field: FieldUnknown) -> dict[str, Any]:
    return {
        "idstr": field.idstr,
        "instance_id": field.instance_id,
        "path": field.path,
        "left_out_of": ["a", "b"] if field.left_out == "both" else [field.left_out],
    }


def _counts(found: Comparison) -> dict[str, Any]:
    return {
        "headers": len(found.headers),
        "blocks": len(found.blocks),
        "pages": sum(block.count() for block in found.pages),
        "bytes": sum(block.count() * block.page_size for block in found.pages),
        "sections": len(found.sections),
        "fields": len(found.fields),
        "fields_not_compared": len(found.unknown),
        "by_block": [
            {
                "idstr": block.idstr,
                "page_size": block.page_size,
                "num_pages": block.differing.num_pages,
                "pages_in_a": block.stored_a,
                "pages_in_b": block.stored_b,
                "pages": block.count(),
                "unknown": block.unknown,
            }
            for block in found.pages
        ],
    }


# Human-readable output.


def _show_counts(found: Comparison) -> None:
    counts = _counts(found)
    for name in ("headers", "blocks", "pages", "sections", "fields"):
        note = f"  ({size(counts['bytes'])})" if name == "pages" and counts[name] else ""
        output.line(f"{output.styled(f'{name:<10}', 'bold')}{counts[name]:>8} differ{note}")
    if unknown := counts["fields_not_compared"]:
        output.line(
            f"{'':<10}{unknown:>8} field{'' if unknown == 1 else 's'} left out, not compared"
        )
    numbers = "in_A in_B differ"
    rows = [
        (printable(block.idstr), size(block.page_size), block.stored_a, block.stored_b, differing)
        for block in found.pages
        if (differing := block.count())
    ]
    if rows:
        output.line()
        for line in table(
            ["idstr", "page_size", *numbers.split()], rows, f"page_size {numbers}", output.width()
        ):
            output.line(line)


def _lines(found: Comparison) -> Iterator[str]:
    for header in found.headers:
        yield f"{header.name}: {_said(header.a)} -> {_said(header.b)}"
    for block in found.blocks:
        yield _block_line(block)
    for pages in found.pages:
        yield from _page_lines(pages)
    for section in found.sections:
        yield f"section {_section_name(section)}: {_only_in(section.side)}"
    for field in found.fields:
        yield _field_line(field)
    yield from _unknown_lines(found)


def _unknown_lines(found: Comparison) -> Iterator[str]:
    """A line for each device with fields that were left out, naming the first of them."""
    devices: dict[tuple[str, int, Side], list[str]] = {}
    for field in found.unknown:
        devices.setdefault((field.idstr, field.instance_id, field.left_out), []).append(field.path)
    for (idstr, instance_id, side), paths in devices.items():
        files = "A and B" if side == "both" else side.upper()
        shown = ", ".join(map(printable, paths[:_PATHS_SHOWN]))
        more = len(paths) - _PATHS_SHOWN
        rest = f" and {more} more" if more > 0 else ""
        name = device_name(idstr, instance_id)
        yield f"{name}: not compared, left out of {files}: {shown}{rest}"


def _said(value: Any) -> str:
    if value is None:
        return "not recorded"
    if isinstance(value, (list, tuple)):
        return printable(", ".join(map(str, value))) or "none"
    return printable(str(value))


def _only_in(side: Side) -> str:
    return f"only in {side.upper()}"


def _block_line(block: BlockDifference) -> str:
    name = printable(block.idstr)
    if block.name == "block":
        side: Side = "a" if block.b is None else "b"
        length = block.a if block.b is None else block.b
        assert length is not None
        return f"block {name}: {_only_in(side)}, {size(length)}"
    return f"block {name}: {block.name} {scalar(block.a)} -> {scalar(block.b)}"


def _page_lines(block: PageDifferences) -> Iterator[str]:
    name = printable(block.idstr)
    for start, end in block.runs().tolist():
        count = (end - start) // block.page_size
        yield f"{name} {start:#x}-{end:#x}: {count} page{'s differ' if count > 1 else ' differs'}"


def _section_name(difference: SectionDifference) -> str:
    section = difference.section
    kind, name = section_name(section)
    instance = "" if section.instance_id is None else f"/{section.instance_id}"
    return kind if name is None else f"{kind} {name}{instance}"


def _field_line(field: FieldDifference) -> str:
    place = f"{device_name(field.idstr, field.instance_id)} {printable(field.path)}"
    note = f" ({field.note})" if field.note else ""
    if field.side != "both":
        value = field.a if field.side == "a" else field.b
        return f"{place}: {_only_in(field.side)}: {value_line(value)}{note}"
    at, old, new = _changed(field.a, field.b)
    return f"{place}{at}: {old} -> {new}{note}"


def _changed(old: Value, new: Value) -> tuple[str, str, str]:
    """Index of the first difference in a long buffer, and both values from there on."""
    a, b = (value.data if isinstance(value, Undecoded) else value for value in (old, new))
    texts = "", value_line(a), value_line(b)
    if not (isinstance(a, bytes) and isinstance(b, bytes)) or "…" not in "".join(texts):
        return texts
    unequal = [index for index, (x, y) in enumerate(zip(a, b, strict=False)) if x != y]
    start = unequal[0] if unequal else min(len(a), len(b))
    end = start + _BYTES_SHOWN
    if len(a) == len(b):
        end = min(end, unequal[-1] + 1)
    return f"[{start:#x}]", hex_bytes(a[start:end]), hex_bytes(b[start:end])
