"""The state of a virtio device, which no JSON text describes.

Source: QEMU hw/virtio/virtio.c, virtio_save(); hw/virtio/virtio-pci.c, virtio_pci_save_config() and
virtio_pci_save_queue(); hw/virtio/virtio-mmio.c, virtio_mmio_save_config().
"""

from dataclasses import dataclass
from struct import Struct, error

from mappedram.guest.restore.pci import EXPRESS_SIZE, MSIX, SIZE, PciConfig

_IRQ_STATE = 16
_MMIO_STATE = 12
_VECTOR_SIZE = 16
_QUEUES_MAX = 1024
_CONFIG_MAX = 4096
_STATUS = Struct(">BBHII")
_COUNT, _QUEUE, _ALIGN, _VECTOR = Struct(">I"), Struct(">IQH"), Struct(">I"), Struct(">H")
#: Subsection with the upper half of the features: mark, name, version; the 64 bits follow.
_FEATURES = b"\x05\x17virtio/64bit_features\x00\x00\x00\x01"
_WIDE = Struct(">Q")


@dataclass(frozen=True, slots=True)
class VirtioState:
    """A virtio device.

    Attributes:
        features: the bits that the guest accepted.
        config: its configuration space, which is little-endian from VIRTIO 1.0 on.
        sizes: entries of each queue.
        own: what follows: the state of its kind of device, and subsections.
    """

    features: int
    config: bytes
    sizes: tuple[int, ...]
    own: bytes

    @property
    def queues(self) -> int:
        """Number of queues."""
        return len(self.sizes)

    def number(self, offset: int, size: int) -> int:
        """A number in the configuration space; 0 beyond its end."""
        return int.from_bytes(self.config[offset : offset + size], "little")


def virtio_state(payload: bytes, pci: PciConfig | None) -> VirtioState | None:
    """The state in the payload of a section; None if it has another layout.

    Args:
        payload: first bytes of the payload.
        pci: the configuration space of a PCI device; None for one with a memory-mapped transport.
    """
    try:
        return _parsed(payload, pci)
    except error:
        return None


def _parsed(payload: bytes, pci: PciConfig | None) -> VirtioState | None:
    has_vectors = pci is not None and pci.capability(MSIX) is not None
    at = _transport(pci) + (_VECTOR.size if has_vectors else 0)
    *_, features, length = _STATUS.unpack_from(payload, at)
    at += _STATUS.size
    config = payload[at : at + length]
    if length > _CONFIG_MAX or len(config) < length:
        return None
    (queues,) = _COUNT.unpack_from(payload, at + length)
    if queues > _QUEUES_MAX:
        return None
    each = _QUEUE.size + (_VECTOR.size if has_vectors else 0) + (0 if pci else _ALIGN.size)
    at += length + _COUNT.size
    sizes = tuple(_COUNT.unpack_from(payload, at + number * each)[0] for number in range(queues))
    own = payload[at + queues * each :]
    found = own.find(_FEATURES)
    if found >= 0:
        (features,) = _WIDE.unpack_from(own, found + len(_FEATURES))
    return VirtioState(features, config, sizes, own)


def _transport(pci: PciConfig | None) -> int:
    """Bytes that the transport writes first."""
    if pci is None:
        return _MMIO_STATE
    table = pci.vectors
    space = EXPRESS_SIZE if pci.is_express else SIZE
    return 4 + space + _IRQ_STATE + table * _VECTOR_SIZE + -(-table // 8)


@dataclass(frozen=True, slots=True)
class SerialPorts:
    """Ports of a virtio-serial device: the possible number, and those in use."""

    number: int
    used: tuple[int, ...]


def serial_ports(state: VirtioState) -> SerialPorts | None:
    """The ports; None if the state has another layout.

    Source: QEMU hw/char/virtio-serial-bus.c, virtio_serial_save_device().
    """
    own = state.own
    try:
        (number,) = _COUNT.unpack_from(own, 4)
        at = 8 + 4 * -(-number // 32)
        (count,) = _COUNT.unpack_from(own, at)
        at += _COUNT.size
        used: list[int] = []
        while len(used) < min(count, number):
            port, _, _, popped = Struct(">IBBI").unpack_from(own, at)
            used.append(port)
            at += 10
            if popped:  # the rest of a request, whose length depends on the host
                break
        return SerialPorts(number, tuple(used))
    except error:
        return None
