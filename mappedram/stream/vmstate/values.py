"""What the fields of a device hold, in Python and in JSON."""

from dataclasses import dataclass
from typing import TypeAlias

from mappedram.errors import UnsupportedError
from mappedram.json_types import Json


@dataclass(frozen=True, slots=True)
class Undecoded:
    """Bytes that could not be decoded, and why.

    `data` is shorter than the place where it stands, or empty, only where `reason` says so.
    """

    data: bytes
    reason: str


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Stands for a value that is not known: a metadump left out all or some of its bytes.

    It is no number, and neither true nor false. All are equal, since they say the same; that does
    not make the values equal for which they stand.
    """

    def __bool__(self) -> bool:
        raise UnsupportedError(f"a field of a device: {LEFT_OUT_REASON}")

    def __str__(self) -> str:
        return "(left out)"


#: Why nothing is known of a field.
LEFT_OUT_REASON = "left out of the metadump"

#: What one leaf holds. None is a null pointer.
Scalar: TypeAlias = bool | int | str | bytes | Undecoded | LeftOut | None

#: What a field holds: arrays are lists, structs are mappings by the name of the field.
Value: TypeAlias = Scalar | list["Value"] | dict[str, "Value"]


def to_json(value: Value) -> Json:
    """The same value as JSON can have it: bytes in hexadecimal; two kinds of values are objects.

    `Undecoded` is `{"undecoded": …, "reason": …}`, and `LeftOut` is
    `{"value": null, "left_out": true}`: null on its own is a null pointer.
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
