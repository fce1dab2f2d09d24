"""The stream header and the configuration section.

Source: QEMU migration/savevm.c, qemu_loadvm_state_header(), vmstate_configuration,
configuration_post_load(), configuration_validate_capabilities(), get_capability().
"""

from collections.abc import Callable, Mapping
from uuid import UUID

from mappedram.format.constants import (
    CAPABILITY_MAPPED_RAM,
    CAPABILITY_X_IGNORE_SHARED,
    QEMU_VM_FILE_MAGIC,
    QEMU_VM_FILE_VERSION,
    SectionType,
)
from mappedram.qemu.loader.failures import EndedError
from mappedram.qemu.loader.local import Local
from mappedram.qemu.loader.machines import existence
from mappedram.qemu.loader.qemu_file import QemuFile, as_int, c_string
from mappedram.qemu.loader.releases import (
    ALWAYS,
    AVR_PAGES_OF_1K,
    SIGNED_LENGTHS,
    Behaviour,
    Loader,
)

_NAME = "configuration"
_OBSOLETE_VERSION = 2
_VERSION = 1
_UUID_SIZE = 16
#: Longer machine types are not compared: no QEMU has one.
_COMPARED_MAX = 4096
#: Lengths from here on are negative as an `int`.
_INT_END = 1 << 31
_SIZEOF_CAPABILITY = 4

#: Prefix of the AVR machine types. Source: hw/avr/arduino.c.
_AVR_MACHINES = b"arduino-"

#: Capabilities that must be the same on both sides. Source: should_validate_capability().
VALIDATED = (CAPABILITY_X_IGNORE_SHARED, CAPABILITY_MAPPED_RAM)

#: Capabilities that the loader knows, and in which releases. Source: QEMU qapi/migration.json,
#: MigrationCapability.
CAPABILITIES: Mapping[str, Behaviour] = {
    "xbzrle": ALWAYS,
    "rdma-pin-all": ALWAYS,
    "auto-converge": ALWAYS,
    "zero-blocks": Behaviour(until="11.0"),
    "compress": Behaviour(until="9.1"),
    "events": ALWAYS,
    "postcopy-ram": ALWAYS,
    "x-colo": ALWAYS,
    "release-ram": ALWAYS,
    "block": Behaviour(until="9.1"),
    "return-path": ALWAYS,
    "pause-before-switchover": ALWAYS,
    "multifd": ALWAYS,
    "dirty-bitmaps": ALWAYS,
    "postcopy-blocktime": ALWAYS,
    "late-block-activate": ALWAYS,
    "x-ignore-shared": ALWAYS,
    "validate-uuid": ALWAYS,
    "background-snapshot": ALWAYS,
    "zero-copy-send": ALWAYS,
    "postcopy-preempt": ALWAYS,
    "switchover-ack": ALWAYS,
    "dirty-limit": ALWAYS,
    "mapped-ram": ALWAYS,
}


def load_header(file: QemuFile, local: Local, release: Loader) -> None:
    """Load the header and the configuration section.

    Raises:
        EndedError: QEMU refuses them, or crashes because of a length in them.
    """
    magic = file.number(4)
    if magic != int.from_bytes(QEMU_VM_FILE_MAGIC, "big"):
        raise EndedError("magic", value=magic)
    version = file.number(4)
    if version == _OBSOLETE_VERSION:
        raise EndedError("obsolete-version")
    if version != QEMU_VM_FILE_VERSION:
        raise EndedError("stream-version", cut=file.failed, value=version)
    expected = local.destination.configuration
    if expected is None:
        expected = file.peek(0, 1) == bytes([SectionType.CONFIGURATION])
        local.assumed |= not expected
    if not expected:
        local.capabilities = local.chosen_capabilities(frozenset())
        return
    kind = file.number(1)
    if kind != SectionType.CONFIGURATION:
        raise EndedError("configuration-missing", cut=file.failed, value=kind)
    _Configuration(file, local, release).load()


class _Configuration:
    """One configuration section, field by field."""

    def __init__(self, file: QemuFile, local: Local, release: Loader) -> None:
        self.file = file
        self.local = local
        self.release = release
        self.target_page_bits: int | None = None
        self.capabilities: dict[str, int] = {}
        #: Positions of the fields that are compared with the destination at the end.
        self.name_at = self.bits_at = self.capabilities_at = file.position

    def load(self) -> None:
        machine = self._machine()
        self._start(c_string(machine))
        if machine.startswith(_AVR_MACHINES):
            self.local.target_page_size = 1024 if self.release.does(AVR_PAGES_OF_1K) else 256
        self._subsections()
        self._check(machine)

    def _machine(self) -> bytes:
        length = self.file.number(4)
        self._check_file("len")
        self._allocate(length)
        self.name_at = self.bits_at = self.capabilities_at = self.file.position
        name = self.file.get(min(length, _COMPARED_MAX))
        self.file.skip(length - min(length, _COMPARED_MAX))
        self._check_file("name", at=self.name_at)
        return name

    def _start(self, machine: str) -> None:
        """Start the destination, which happens before it reads the file. Source: system/vl.c.

        The machine types of all QEMUs are printable ASCII.
        """
        if self.local.destination.machine is not None:
            return
        if not (machine.isascii() and machine.isprintable()):
            raise EndedError("machine-impossible")
        known = existence(machine)
        if known is not None and not self.release.does(known):
            raise EndedError("no-machine", machine=machine)

    def _allocate(self, count: int, size: int = 1) -> None:
        """Allocate as much memory as the file says. Source: vmstate_handle_alloc()."""
        self.local.allocate(count * size)
        if count >= _INT_END and self.release.does(SIGNED_LENGTHS):
            raise EndedError("allocation")

    def _check_file(self, field: str, vmsd: str = _NAME, at: int | None = None) -> None:
        if self.file.failed:
            raise EndedError("field", at=at, cut=True, vmsd=vmsd, field=field)

    # Subsections. Source: vmstate_subsection_load().

    def _subsections(self) -> None:
        loaders: dict[str, Callable[[], None]] = {
            f"{_NAME}/target-page-bits": self._target_page_bits,
            f"{_NAME}/capabilities": self._capabilities,
            f"{_NAME}/uuid": self._uuid,
        }
        file = self.file
        while file.peek(0, 1) == bytes([SectionType.SUBSECTION]):
            length = int.from_bytes(file.peek(1, 1), "big")
            if length <= len(_NAME):
                return
            raw = file.peek(2, length)
            name = c_string(raw)
            if len(raw) != length or not name.startswith(_NAME):
                return
            if name not in loaders:
                raise EndedError("subsection", name=name)
            file.skip(2 + length)
            self._version(name, file.number(4) & 0xFF)
            loaders[name]()

    @staticmethod
    def _version(name: str, version: int) -> None:
        if version > _VERSION:
            raise EndedError("too-new", name=name, version=version, local=_VERSION)
        if version < _VERSION:
            raise EndedError("too-old", name=name, version=version, local=_VERSION)

    def _target_page_bits(self) -> None:
        self.target_page_bits = self.file.number(4)
        self.bits_at = self.file.field
        self._check_file("target_page_bits", f"{_NAME}/target-page-bits")

    def _capabilities(self) -> None:
        count = self.file.number(4)
        self.capabilities_at = self.file.field
        place = f"{_NAME}/capabilities"
        self._check_file("caps_count", place)
        self._allocate(count, _SIZEOF_CAPABILITY)
        names = {}
        for _ in range(count):
            name = c_string(self.file.get(self.file.number(1)))
            if not self._knows(name):
                raise EndedError("capability-name", cut=self.file.failed, name=name)
            self._check_file("capabilities", place)
            names[name] = self.file.field
        self.capabilities = names

    def _knows(self, name: str) -> bool:
        behaviour = CAPABILITIES.get(name)
        return behaviour is not None and self.release.does(behaviour)

    def _uuid(self) -> None:
        uuid = self.file.get(_UUID_SIZE)
        self._check_file("uuid.data", f"{_NAME}/uuid")
        local = self.local.destination.uuid
        if self.local.destination.machine is None:
            self.local.assumed = True
        elif local is not None and uuid != local:
            received, own = (str(UUID(bytes=one)) for one in (uuid, local))
            raise EndedError("uuid", received=received, local=own)

    # Fields that must be the same. Source: configuration_post_load().

    def _check(self, machine: bytes) -> None:
        local, destination = self.local, self.local.destination
        if destination.machine is not None and not _strncmp(machine, destination.machine):
            received = c_string(machine)
            local_name = destination.machine
            raise EndedError("machine", at=self.name_at, received=received, local=local_name)
        page_size = destination.page_size
        bits = self.target_page_bits
        bits = destination.legacy_page_bits if bits is None else bits
        if bits is not None and page_size is not None and page_size != 1 << min(bits, 64):
            local_bits = page_size.bit_length() - 1
            received_bits = as_int(bits)
            raise EndedError("page-bits", at=self.bits_at, received=received_bits, local=local_bits)
        local.target_page_bits = self.target_page_bits
        announced = frozenset(self.capabilities) & frozenset(VALIDATED)
        local.capabilities = local.chosen_capabilities(announced)
        for name in VALIDATED:
            if (name in local.capabilities) != (name in announced):
                on, off = ("on", "off") if name in local.capabilities else ("off", "on")
                at = self.capabilities.get(name, self.capabilities_at)
                raise EndedError("capability", at=at, name=name, local=on, received=off)


def _strncmp(received: bytes, local: str) -> bool:
    """Whether C's strncmp() finds both equal, over the length of the received string."""
    return (local.encode("latin-1") + b"\0").startswith(received.partition(b"\0")[0]) and (
        b"\0" not in received or c_string(received) == local
    )
