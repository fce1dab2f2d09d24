"""New values for fields: pending changes to the bytes of a file, and writing them to a copy."""

import os
from collections.abc import Mapping
from types import MappingProxyType

from mappedram.errors import BuildError
from mappedram.vmstate.state import DeviceStates


class Patch:
    """New values for fields of devices, not written yet.

    >>> patch = Patch(decode(snapshot))
    >>> patch["cpu", 0, "env.eip"] = 0x1000
    >>> patch.apply(copy.fileno())

    A value takes as many bytes as the one before, so that nothing else in the file moves. QEMU
    derives some fields from others, and checks few of them when it loads a file.
    """

    def __init__(self, states: DeviceStates) -> None:
        self._states = states
        self._changes: dict[int, bytes] = {}

    def __setitem__(self, place: tuple[str, int, str], value: object) -> None:
        """Give the field at (`idstr`, `instance_id`, path) a value; the last one counts.

        Raises:
            BuildError: there is no such field, or it cannot hold the value.
        """
        idstr, instance_id, path = place
        offset, data = self._states.encode((idstr, instance_id), path, value)
        self._changes[offset] = data

    @property
    def changes(self) -> Mapping[int, bytes]:
        """New bytes by their offset in the file."""
        return MappingProxyType(self._changes)

    def apply(self, fd: int) -> None:
        """Write the changes to a copy of the file. Raises as the function `apply` does."""
        apply(self._changes, fd)


def apply(changes: Mapping[int, bytes], fd: int) -> None:
    """Write new bytes at their offsets.

    Args:
        changes: new bytes by offset.
        fd: descriptor of a copy of the file, open for writing.

    Raises:
        BuildError: a change lies outside of the file; nothing is written then.
        OSError: writing failed.
    """
    size = os.fstat(fd).st_size
    for offset, data in changes.items():
        if offset < 0 or offset + len(data) > size:
            raise BuildError(f"a change at {offset:#x} lies outside of the file")
    for offset, data in changes.items():
        while data:
            written = os.pwrite(fd, data, offset)
            offset, data = offset + written, data[written:]
