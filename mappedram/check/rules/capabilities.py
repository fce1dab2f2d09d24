"""MR0: the capabilities in the configuration, and whether the blocks agree with them."""

from collections.abc import Iterator
from typing import NamedTuple

from mappedram.check.context import Context
from mappedram.check.finding import Defect, Place, Severity
from mappedram.check.registry import rule
from mappedram.check.rules.fields import Broken, field_rule
from mappedram.format import structures
from mappedram.format.constants import (
    CAPABILITIES,
    CAPABILITY_MAPPED_RAM,
    CAPABILITY_X_IGNORE_SHARED,
)
from mappedram.format.drivers.base import RefusalError
from mappedram.format.ram import (
    is_mapped_ram_beginning,
    mapped_ram_beginning_size,
    mapped_ram_header_size,
)
from mappedram.format.typed import Params

#: Whether an address precedes a mapped-ram header, and the capabilities that cause it.
_FIELDS = (
    (False, {CAPABILITY_MAPPED_RAM}),
    (True, {CAPABILITY_MAPPED_RAM, CAPABILITY_X_IGNORE_SHARED}),
)
#: Maximum length of the header of a block.
_BLOCK_HEADER_MAX = 512


@field_rule(
    "MR008",
    "capability-unknown",
    defect="The file lists a capability that belongs in no mapped-ram file.",
    qemu="migration/savevm.c: get_capability(), since 11.1 load_capability()",
)
def capability_unknown(broken: Broken) -> str:
    """The configuration lists no capabilities other than mapped-ram and x-ignore-shared.

    Why:
        QEMU refuses names that it does not know, such as `compress` since 9.1 and `zero-blocks`
        since 11.0: "Received unknown capability". If every release refuses the name, MR061 is
        reported as well. QEMU ignores other names, such as `multifd`, but no release up to 11.1
        writes them. The older name `fixed-ram` was never in a release.

    Remedy:
        Load the file with the build of QEMU that wrote it, or with a release that loads it
        according to `mappedram check`. `mappedram extract` can still read the memory.
    """
    return f"unexpected capability {broken.value!r}"


@rule(
    "MR013",
    "capability-order",
    Severity.WARNING,
    defect="Capabilities are repeated or in the wrong order.",
    clause="3.4.2",
    qemu="migration/savevm.c: put_capability(), since 11.1 save_capability()",
)
def capability_order(context: Context) -> Iterator[Defect]:
    """The capabilities are in the order of QEMU's enumeration, each at most once.

    Why:
        QEMU accepts any order, but always writes them in this one.

    Remedy:
        None needed: QEMU loads the file. Fix the program that wrote it.
    """
    for element in context.of_kind(structures.CONFIGURATION_SUBSECTION):
        last = -1
        body = element.values["body"]
        if "capabilities" not in body:
            continue
        for index, entry in enumerate(body["capabilities"]):
            if entry["name"] not in CAPABILITIES:
                continue
            position = CAPABILITIES.index(entry["name"])
            if position <= last:
                yield Defect(
                    f"capability {entry['name']!r} follows {CAPABILITIES[last]!r}",
                    context.field(element, f"body/capabilities[{index}]/name"),
                    expected=", ".join(CAPABILITIES),
                    actual=entry["name"],
                )
            last = max(last, position)


@rule(
    "MR014",
    "capability-mismatch",
    Severity.ERROR,
    defect="The first block does not have the fields that the capabilities require.",
    clause="3.4.8",
    qemu="migration/savevm.c: configuration_validate_capabilities()",
)
def capability_mismatch(context: Context) -> Iterator[Defect]:
    """The first block has exactly the fields that the listed capabilities require.

    Why:
        A destination with these capabilities reads the rest of the block list at wrong offsets.
        Only a change to the list of capabilities causes this.

    Remedy:
        Use the original file that QEMU wrote: nothing shows whether the capabilities or the blocks
        were changed.
    """
    stream = context.stream
    header = first_header(context)
    if header is None or stream.configuration is None:
        return
    found = header.capabilities
    announced = {name for name in CAPABILITIES if name in stream.capabilities}
    if found != announced:
        listed = ", ".join(sorted(announced)) or "no capability"
        yield Defect(
            f"the first block has the fields of {', '.join(sorted(found))}, but the configuration"
            f" lists {listed}",
            Place(header.behind, header.size, "/ram/blocks[0]/mapped_ram"),
            expected=listed,
            actual=", ".join(sorted(found)),
        )


class FirstHeader(NamedTuple):
    """The mapped-ram header of the first block, or a candidate for it.

    Attributes:
        behind: end of the fields that all streams have.
        offset: offset of the header.
        capabilities: the capabilities that lead to this layout.
        params: parameters of the block header with these capabilities.
    """

    behind: int
    offset: int
    capabilities: set[str]
    params: Params

    @property
    def size(self) -> int:
        """Bytes of the header."""
        return mapped_ram_header_size(self.params)

    @property
    def beginning_size(self) -> int:
        """Number of bytes that identify a header."""
        return mapped_ram_beginning_size(self.params)


def first_header(context: Context) -> FirstHeader | None:
    """The mapped-ram header of the first block, whatever capabilities are listed.

    Returns:
        None if there is no plausible header.
    """
    for header in _first_headers(context):
        data = context.source.read(header.offset, header.beginning_size)
        if is_mapped_ram_beginning(data, header.params):
            return header
    return None


def looked_at(context: Context) -> Iterator[tuple[int, int]]:
    """The half-open ranges that `first_header` reads."""
    for header in _first_headers(context):
        yield header.offset, header.offset + header.beginning_size


def _first_headers(context: Context) -> Iterator[FirstHeader]:
    """Candidates for the header of the first block."""
    record = next(context.of_kind(structures.MEM_SIZE), None)
    if record is None:
        return
    data = context.source.read(record.end, _BLOCK_HEADER_MAX)
    behind = record.end
    for has_addr, names in _FIELDS:
        params = {"has_addr": has_addr}
        try:
            _, length = context.snapshot.driver.parse(structures.RAMBLOCK_HEADER, data, params)
        except RefusalError:
            return
        behind = behind if has_addr else record.end + length
        yield FirstHeader(behind, record.end + length, names, {**params, "has_mapped_ram": True})
