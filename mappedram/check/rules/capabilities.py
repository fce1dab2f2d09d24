"""MR0: the capabilities that the configuration announces, and whether the blocks bear them out."""

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

#: Whether the address stands before a mapped-ram header, and what puts them there.
_FIELDS = (
    (False, {CAPABILITY_MAPPED_RAM}),
    (True, {CAPABILITY_MAPPED_RAM, CAPABILITY_X_IGNORE_SHARED}),
)
#: No header of a block is longer.
_BLOCK_HEADER_MAX = 512


@field_rule(
    "MR008",
    "capability-unknown",
    qemu="migration/savevm.c: get_capability(), since 11.1 load_capability()",
)
def capability_unknown(broken: Broken) -> str:
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
    return f"capability {broken.value!r} is not one that a stream lists"


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
    found = header.capabilities
    announced = {name for name in CAPABILITIES if name in stream.capabilities}
    if found != announced:
        listed = ", ".join(sorted(announced)) or "no capability"
        yield Defect(
            f"the first block has the fields of {', '.join(sorted(found))}, but the configuration"
            f" announces {listed}",
            Place(header.behind, header.size, "/ram/blocks[0]/mapped_ram"),
            expected=listed,
            actual=", ".join(sorted(found)),
        )


class FirstHeader(NamedTuple):
    """Where the mapped-ram header of the first block stands, or could.

    Attributes:
        behind: where the fields of the block end that all streams have.
        offset: where the header begins.
        capabilities: what makes it stand there.
        params: what the stream would say of the block then.
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
        """Bytes of it that tell whether it is one."""
        return mapped_ram_beginning_size(self.params)


def first_header(context: Context) -> FirstHeader | None:
    """The mapped-ram header of the first block, whatever is announced.

    Returns:
        None if no header can begin at any place where one could.
    """
    for header in _first_headers(context):
        data = context.source.read(header.offset, header.beginning_size)
        if is_mapped_ram_beginning(data, header.params):
            return header
    return None


def looked_at(context: Context) -> Iterator[tuple[int, int]]:
    """The half-open ranges that `first_header` looks at where no header begins."""
    for header in _first_headers(context):
        yield header.offset, header.offset + header.beginning_size


def _first_headers(context: Context) -> Iterator[FirstHeader]:
    """Where the header of the first block can begin."""
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
