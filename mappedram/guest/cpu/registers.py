"""Registers in the section of one CPU, as numbers."""

from mappedram.stream.vmstate import DeviceState
from mappedram.stream.vmstate.tree import Array
from mappedram.stream.vmstate.values import LEFT_OUT_REASON, LeftOut, Undecoded, Value

#: Path of a register: names of fields and subsections, and array indices.
Path = tuple[str | int, ...]


class UnknownRegisterError(Exception):
    """The section lacks the register, or it could not be decoded; the text names it."""


class Registers:
    """Registers of a section named `cpu`.

    Attributes:
        instance_id: number of the CPU.
    """

    def __init__(self, device: DeviceState) -> None:
        self.instance_id = device.instance_id
        self._fields = device.root.fields
        self._values: Value = device.root.value

    def __contains__(self, path: Path) -> bool:
        return self._at(path) is not None

    def __getitem__(self, path: Path) -> int:
        """The register at `path`.

        Raises:
            UnknownRegisterError: there is no such register.
        """
        value = self._at(path)
        if isinstance(value, Undecoded):
            raise UnknownRegisterError(f"{_text(path)}: {value.reason}")
        if isinstance(value, LeftOut):
            raise UnknownRegisterError(f"{_text(path)}: {LEFT_OUT_REASON}")
        if not isinstance(value, int):
            raise UnknownRegisterError(f"no {_text(path)}")
        return value

    def get(self, path: Path, default: int) -> int:
        """The register at `path`, or `default` if it is absent. Otherwise raises as `[]` does."""
        return default if self._at(path) is None else self[path]

    def length(self, name: str) -> int:
        """Number of elements of an array; 0 if it is absent."""
        value = self._at((name,))
        return len(value) if isinstance(value, list) else 0

    def numbers(self, path: Path) -> list[int]:
        """The elements of the array at `path`; raises as `[]` does."""
        value = self._at(path)
        count = len(value) if isinstance(value, list) else 1
        return [self[*path, number] for number in range(count)]

    def element_type(self, name: str) -> str:
        """Type of the elements of an array; empty if it is absent."""
        node = self._fields.get(name)
        return node.items[0].type if isinstance(node, Array) and node.items else ""

    def _at(self, path: Path) -> Value:
        value = self._values
        for step in path:
            if isinstance(step, str) and isinstance(value, dict):
                value = value.get(step)
            elif isinstance(step, int) and isinstance(value, list) and step < len(value):
                value = value[step]
            else:
                return value if isinstance(value, (Undecoded, LeftOut)) else None
        return value


def _text(path: Path) -> str:
    """A path in the notation of `mappedram state`."""
    first, *rest = path
    return str(first) + "".join(
        f"[{step}]" if isinstance(step, int) else f".{step}" for step in rest
    )
