"""Blocks of memory backends (`-object memory-backend-*`), identified by their names."""

import re
from collections.abc import Iterator

from mappedram.stream.model import RamBlock, Stream

#: Blocks that a machine or a device creates, whatever `-m` and `-object` say.
_BROUGHT = re.compile(
    r"pc\.(bios|rom)|isa-bios|(virt|system|sbsa)\.flash\d|/rom@.*"
    r"|.*\.(mrom|rom|prom|vram|nvram|bios|fifo|secure-ram)|.*:.*/.*"
    r"|/[0-9a-f]+\.[0-9a-f]\.[0-9a-f]{4}/.*"
    r"|zynqmp\.ocm_ram_bank_\d|homer-chip\d+-memory|riscv\.sifive\.u\..*|mps\..*|ssram-\d"
    r"|armsse\.sram\d"
)
#: Address of a device on a PCI bus, or of one on the channels of s390x.
_ADDRESS = re.compile(r".*:.*|/[0-9a-f]+\.[0-9a-f]\.[0-9a-f]{4}")
#: Prefix of a backend's name on machine types before 4.0.
_OLD_PREFIX = "/objects/"


def backend_id(block: RamBlock) -> str:
    """The id of the backend of a block."""
    return block.idstr.removeprefix(_OLD_PREFIX)


def backends_of(stream: Stream, ram_id: str | None) -> list[RamBlock]:
    """All blocks but `ram_id` and those that a machine or a device creates."""
    return [
        block
        for block in stream.blocks
        if block.idstr != ram_id and not _BROUGHT.fullmatch(backend_id(block))
    ]


def owned_backends(stream: Stream) -> Iterator[tuple[str, str, RamBlock]]:
    """Backends named after a device: address of the device, id of the backend, the block."""
    for block in stream.blocks:
        address, _, name = block.idstr.rpartition("/")
        if _ADDRESS.fullmatch(address) and "." not in name:
            yield address, name, block
