"""Values of device fields in Python and in JSON."""

from dataclasses import dataclass
from typing import TypeAlias

from mappedram.errors import UnsupportedError
from mappedram.json_types import Json


@dataclass(frozen=True, slots=True)
class Undecoded:
    """Bytes that could not be decoded, and the reason.

    `data` can be shorter than its field, or empty, if `reason` says so.
    """

    data: bytes
    reason: str


@dataclass(frozen=True, slots=True)
class LeftOut:
    """An unknown value: a metadump left out all or some of its bytes.

    It is not a number, and neither true nor false. All instances are equal, but the values that
    they replace need not be.
    """

    def __bool__(self) -> bool:
        raise UnsupportedError(f"a field of a device: {LEFT_OUT_REASON}")

    def __str__(self) -> str:
        return "(left out)"


#: Reason for an unknown field.
LEFT_OUT_REASON = "left out of the metadump"

#: Value of one leaf. None is a null pointer.
Scalar: TypeAlias = bool | int | str | bytes | Undecoded | LeftOut | None

#: Value of a field: arrays are lists, structs are mappings by field name.
Value: TypeAlias = Scalar | list["Value"] | dict[str, "Value"]


def to_json(value: Value) -> Json:
    """Convert a value to JSON: bytes become hexadecimal, and two kinds of values become objects.

    `Undecoded` is `{"undecoded": …, "reason": …}`, and `LeftOut` is
    `{"value": null, "left_out": true}`; null alone is a null pointer.
    """
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Undecoded):
        return {"undecoded": value.data.hex(), "reason": value.reason}
    if isinstance(value, LeftOut):
        return {"value": None, "left_out": True}
    if isinstance(value, list):
        return [to_json(item) for item in value]
    if isinstance(value, dict):
        return {name: to_json(item) for name, item in value.items()}
    return value
