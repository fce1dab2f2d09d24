"""What the fields of a device hold, in Python and in JSON."""

from dataclasses import dataclass
from typing import Any, TypeAlias


@dataclass(frozen=True, slots=True)
class Undecoded:
    """Bytes that could not be decoded, and why.

    `data` is shorter than the place where it stands, or empty, only where `reason` says so.
    """

    data: bytes
    reason: str


#: What one leaf holds. None is a null pointer.
Scalar: TypeAlias = bool | int | str | bytes | Undecoded | None

#: What a field holds: arrays are lists, structs are mappings by the name of the field.
Value: TypeAlias = Scalar | list["Value"] | dict[str, "Value"]


def to_json(value: Value) -> Any:
    """The same value as JSON can have it: bytes in hexadecimal, `Undecoded` as an object."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Undecoded):
        return {"undecoded": value.data.hex(), "reason": value.reason}
    if isinstance(value, list):
        return [to_json(item) for item in value]
    if isinstance(value, dict):
        return {name: to_json(item) for name, item in value.items()}
    return value
