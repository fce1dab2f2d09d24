"""MR0: the capabilities that the configuration announces, and whether the blocks bear them out."""

from collections.abc import Iterator
from struct import Struct

from mappedram.check.context import Context
from mappedram.check.finding import Defect, Place, Severity
from mappedram.check.registry import rule
from mappedram.layout.constants import (
    CAPABILITY_MAPPED_RAM,
    CAPABILITY_X_IGNORE_SHARED,
    MAPPED_RAM_HDR_VERSION,
)
from mappedram.model import is_page_size

#: What a stream lists, in the order of QEMU's enumeration. Source: QEMU qapi/migration.json.
CAPABILITIES = (CAPABILITY_X_IGNORE_SHARED, CAPABILITY_MAPPED_RAM)

#: What a mapped-ram header begins with.
_VERSION_AND_PAGE_SIZE = Struct(">IQ")
#: How far behind used_length a mapped-ram header stands, and what puts it there.
_FIELDS = (
    (0, {CAPABILITY_MAPPED_RAM}),
    (8, {CAPABILITY_MAPPED_RAM, CAPABILITY_X_IGNORE_SHARED}),
)


@rule(
    "MR008",
    "capability-unknown",
    Severity.WARNING,
    clause="3.4.7",
    qemu="migration/savevm.c: get_capability(), since 11.1 load_capability()",
)
def capability_unknown(context: Context) -> Iterator[Defect]:
    """The configuration lists no capabilities but mapped-ram and x-ignore-shared.

    Why:
        QEMU refuses names that it does not know, such as `compress` since 9.1 and `zero-blocks`
        since 11.0: "Received unknown capability". Where that is every release, MR061 says so as
        well. Others, such as `multifd`, it passes, but no release up to 11.1 lists them. The older
        name `fixed-ram` was never in a release.

    Remedy:
        Load the file with the build of QEMU that wrote it, or with one that `mappedram check` says
        loads it. `mappedram extract` reads the memory all the same.
    """
    for element in context.of_kind("configuration_subsection"):
        for index, entry in enumerate(element.values["body"].get("capabilities", ())):
            if entry["name"] not in CAPABILITIES:
                yield Defect(
                    f"capability {entry['name']!r} is not one that a stream lists",
                    context.field(element, f"body/capabilities[{index}]/name"),
                    expected=" or ".join(sorted(CAPABILITIES)),
                    actual=entry["name"],
                )


@rule(
    "MR013",
    "capability-order",
    Severity.WARNING,
    clause="3.4.2",
    qemu="migration/savevm.c: put_capability(), since 11.1 save_capability()",
)
def capability_order(context: Context) -> Iterator[Defect]:
    """The capabilities come in the order of QEMU's enumeration, each at most once.

    Why:
        QEMU makes a set of them, and writes them in this order.

    Remedy:
        Nothing: QEMU loads the file. Correct the program that wrote it.
    """
    for element in context.of_kind("configuration_subsection"):
        last = -1
        for index, entry in enumerate(element.values["body"].get("capabilities", ())):
            if entry["name"] not in CAPABILITIES:
                continue
            position = CAPABILITIES.index(entry["name"])
            if position <= last:
                yield Defect(
                    f"capability {entry['name']!r} comes after {CAPABILITIES[last]!r}",
                    context.field(element, f"body/capabilities[{index}]/name"),
                    expected=", ".join(CAPABILITIES),
                    actual=entry["name"],
                )
            last = max(last, position)


@rule(
    "MR014",
    "capability-mismatch",
    Severity.ERROR,
    clause="3.4.8",
    qemu="migration/savevm.c: configuration_validate_capabilities()",
)
def capability_mismatch(context: Context) -> Iterator[Defect]:
    """The first block has the fields that the capabilities announce, and no others.

    Why:
        A destination is set up as the capabilities say, and reads the rest of the list shifted by
        these fields. Only a change to the list of capabilities leaves such a file.

    Remedy:
        Go back to the file that QEMU wrote: nothing tells whether the list of capabilities or the
        list of blocks was changed since.
    """
    stream = context.stream
    header = first_header(context)
    if header is None or stream.configuration is None:
        return
    behind, _, found = header
    announced = {name for name in CAPABILITIES if name in stream.capabilities}
    if found != announced:
        listed = ", ".join(sorted(announced)) or "no capability"
        yield Defect(
            f"the first block has the fields of {', '.join(sorted(found))}, but the configuration"
            f" announces {listed}",
            Place(behind, 28, "/ram/blocks[0]/mapped_ram"),
            expected=listed,
            actual=", ".join(sorted(found)),
        )


def first_header(context: Context) -> tuple[int, int, set[str]] | None:
    """Where the fields of the first block end that all streams have, whatever is announced.

    Returns:
        That place, where a mapped-ram header follows, and the capabilities that make it stand
        there; None if no header can begin at any place where one could.
    """
    for behind, place, names in _first_headers(context):
        if _is_header(context, place):
            return behind, place, names
    return None


def looked_at(context: Context) -> Iterator[tuple[int, int]]:
    """The half-open ranges that `first_header` looks at where no header begins."""
    for _, place, _ in _first_headers(context):
        yield place, place + _VERSION_AND_PAGE_SIZE.size


def _first_headers(context: Context) -> Iterator[tuple[int, int, set[str]]]:
    """Where the header of the first block can begin, as `first_header` returns it."""
    record = next(context.of_kind("mem_size"), None)
    if record is not None:
        name_length = int.from_bytes(context.source.read(record.end, 1), "big")
        behind = record.end + 1 + name_length + 8
        yield from ((behind, behind + skip, names) for skip, names in _FIELDS)


def _is_header(context: Context, offset: int) -> bool:
    """Whether a mapped-ram header can begin there, by its version and page size."""
    data = context.source.read(offset, _VERSION_AND_PAGE_SIZE.size)
    if len(data) < _VERSION_AND_PAGE_SIZE.size:
        return False
    version, page_size = _VERSION_AND_PAGE_SIZE.unpack(data)
    return version <= MAPPED_RAM_HDR_VERSION and is_page_size(page_size)
