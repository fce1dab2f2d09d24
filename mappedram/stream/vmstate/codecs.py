"""Wire types: decode and encode the bytes of a field by the type name in the JSON text.

Types missing in these tables are bytes of the length that the JSON text gives.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Protocol

from mappedram.errors import BuildError
from mappedram.printable import plural
from mappedram.stream.vmstate.values import Scalar


class UndecodableError(Exception):
    """The bytes do not fit their type. Never raised outside this package."""


class Codec(Protocol):
    """Reads and writes the values of one wire type."""

    def decode(self, data: bytes) -> Scalar:
        """Decode a whole field.

        Raises:
            UndecodableError: the bytes are not such a value.
        """

    def encode(self, value: object, size: int) -> bytes:
        """Encode `value` for a field of `size` bytes.

        Raises:
            BuildError: the value has the wrong type, is out of range, or does not fill the field.
        """


@dataclass(frozen=True, slots=True)
class Integer:
    """A big-endian integer of `width` bytes."""

    width: int
    signed: bool = False

    def decode(self, data: bytes) -> int:
        """See `Codec`."""
        if len(data) != self.width:
            raise UndecodableError(f"expected {plural(self.width, 'byte')}, got {len(data)}")
        return int.from_bytes(data, "big", signed=self.signed)

    def encode(self, value: object, size: int) -> bytes:
        """See `Codec`."""
        if not isinstance(value, int) or isinstance(value, bool):
            raise BuildError(f"expected an integer, got {value!r}")
        try:
            return value.to_bytes(size, "big", signed=self.signed)
        except OverflowError:
            low = -(1 << size * 8 - 1) if self.signed else 0
            high = low + (1 << size * 8) - 1
            raise BuildError(f"expected {low:#x} to {high:#x}, got {value:#x}") from None


@dataclass(frozen=True, slots=True)
class Bool:
    """One byte, 0 or 1. Source: QEMU migration/vmstate-types.c, put_bool(), later save_bool()."""

    def decode(self, data: bytes) -> bool:
        """See `Codec`."""
        if data not in (b"\0", b"\1"):
            raise UndecodableError("expected one byte, 0 or 1")
        return data == b"\1"

    def encode(self, value: object, size: int) -> bytes:  # noqa: ARG002 - always one byte
        """See `Codec`."""
        if not isinstance(value, bool):
            raise BuildError(f"expected true or false, got {value!r}")
        return bytes([value])


@dataclass(frozen=True, slots=True)
class Raw:
    """Bytes as they are. A new value may be given in hexadecimal."""

    def decode(self, data: bytes) -> bytes:
        """See `Codec`."""
        return data

    def encode(self, value: object, size: int) -> bytes:
        """See `Codec`."""
        if isinstance(value, str):
            try:
                value = bytes.fromhex(value)
            except ValueError:
                raise BuildError(f"expected hexadecimal digits, got {value!r}") from None
        if not isinstance(value, bytes):
            raise BuildError(f"expected bytes, got {value!r}")
        return filling(value, size)


@dataclass(frozen=True, slots=True)
class Alternatives:
    """An integer of one of the given widths, else bytes: types of this name differ in width."""

    widths: Mapping[int, Integer]

    def _at(self, size: int) -> Codec:
        return self.widths.get(size) or Raw()

    def decode(self, data: bytes) -> Scalar:
        """See `Codec`."""
        return self._at(len(data)).decode(data)

    def encode(self, value: object, size: int) -> bytes:
        """See `Codec`."""
        return self._at(size).encode(value, size)


@dataclass(frozen=True, slots=True)
class PointerMarker:
    """One byte for a null pointer: the digit 0, which differs from a zero byte.

    Source: QEMU migration/vmstate-types.c, put_nullptr(); save_ptr_marker() since 11.1.
    """

    NULL: ClassVar[bytes] = b"0"
    #: Only since 11: the object follows, as a field of the same name.
    VALID: ClassVar[bytes] = b"1"

    def decode(self, data: bytes) -> None:
        """See `Codec`."""
        if data != self.NULL:
            raise UndecodableError("expected the mark of a null pointer, 0x30")

    def encode(self, value: object, size: int) -> bytes:  # noqa: ARG002 - always one byte
        """See `Codec`."""
        if value is not None:
            raise BuildError(f"a null pointer cannot become {value!r}")
        return self.NULL


@dataclass(frozen=True, slots=True)
class Counted:
    """A byte count followed by that many bytes: text or raw.

    Source: QEMU migration/savevm.c, put_capability(), save_capability() since 11.1;
    vmstate-types.c, put_g_byte_array().
    """

    count_size: int
    text: bool

    def length(self, data: bytes) -> int:
        """Bytes of the field at the start of `data`, from its own count."""
        return self.count_size + int.from_bytes(data[: self.count_size], "big")

    def decode(self, data: bytes) -> str | bytes:
        """See `Codec`."""
        if len(data) < self.count_size or self.length(data) != len(data):
            raise UndecodableError("the count of bytes in front does not fit the field")
        content = data[self.count_size :]
        if not self.text:
            return content
        try:
            return content.decode("ascii")
        except UnicodeDecodeError:
            raise UndecodableError("expected ASCII text") from None

    def encode(self, value: object, size: int) -> bytes:
        """See `Codec`."""
        content_size = size - self.count_size
        if not self.text:
            content = Raw().encode(value, content_size)
        elif isinstance(value, str) and value.isascii():
            content = filling(value.encode("ascii"), content_size)
        else:
            raise BuildError(f"expected ASCII text, got {value!r}")
        return content_size.to_bytes(self.count_size, "big") + content


def filling(data: bytes, size: int) -> bytes:
    """Return `data` if it is exactly `size` bytes long, since later fields cannot move.

    Raises:
        BuildError: it has another length.
    """
    if len(data) != size:
        raise BuildError(f"expected {plural(size, 'byte')}, the current size, got {len(data)}")
    return data


RAW = Raw()
_U32 = Integer(4)
_S32 = Integer(4, signed=True)
_REGISTER = Alternatives({width: Integer(width) for width in (1, 2, 4, 8)})

#: Types of one value. Source: QEMU migration/vmstate-types.c, unless another file is named.
CODECS: Mapping[str, Codec] = {
    "bool": Bool(),
    "int8": Integer(1, signed=True),
    "int16": Integer(2, signed=True),
    "int32": _S32,
    "int32 equal": _S32,
    "int32 le": _S32,  # "less or equal": the byte order is the same as for all others
    "int64": Integer(8, signed=True),
    "uint8": Integer(1),
    "uint8 equal": Integer(1),
    "uint16": Integer(2),
    "uint16 equal": Integer(2),
    "uint32": _U32,
    "uint32 equal": _U32,
    "uint64": Integer(8),
    "int64 equal": Integer(8),  # vmstate_info_uint64_equal: QEMU's name is a slip
    "CPU_Double_U": Integer(8),  # the bits of a double: as a float, not all NaNs would survive
    "timer": Integer(8, signed=True),  # savevm.c: expiry time in ns; -1 if it does not run
    "buffer": RAW,
    "unused_buffer": RAW,
    "GByteArray": Counted(4, text=False),
    "capability": Counted(1, text=True),  # savevm.c
    "nullptr": PointerMarker(),
    "ptr-marker": PointerMarker(),
    "fd": Alternatives({4: _S32}),  # a number, or a byte for one sent beside the stream
    # CPU registers with a different shape in memory than on the wire: target/*/machine.c. The same
    # name can mean one value of 8 bytes on one target, and 4 bytes or two values of 8 on another.
    "powered_off": Bool(),
    **dict.fromkeys(
        ("cpsr", "fpcr", "fpr", "fpscr", "fpsr", "fsr", "msr", "psr", "psw", "sr", "vsr", "xcc"),
        _REGISTER,
    ),
    **dict.fromkeys(("sreg", "rampD", "rampX", "rampY", "rampZ", "eind"), _REGISTER),
    "cpu/altivec/vscr": _REGISTER,
}

#: Types that are an array of big-endian words, with the type of the words. Bit k of a bitmap is bit
#: k % 64 of word k // 64. Source: QEMU migration/vmstate-types.c, put_bitmap(), save_bitmap() since
#: 11.1; hw/pci/pci.c, put_pci_irq_state(); target/ppc/machine.c, put_avr(), put_slbe();
#: target/hppa/machine.c, put_tlb().
WORDS: Mapping[str, tuple[str, int]] = {
    "bitmap": ("uint64", 8),
    "pci irq state": ("uint32", 4),
    "avr": ("uint64", 8),
    "slbe": ("uint64", 8),
    "tlb entry": ("uint64", 8),
}

#: Types that hold one nested description, and whether it is a JSON object of its own.
STRUCTS: Mapping[str, bool] = {"struct": True, "vstruct": False, "tmp": False}

#: Types that are a list of nested descriptions.
LISTS = frozenset({"qtailq", "qlist"})
GTREE = "gtree"

POINTER_MARKER = "ptr-marker"
#: Types with elements that give their own length, which can differ within an array.
SELF_DELIMITED: Mapping[str, Counted] = {"capability": Counted(1, text=True)}


def codec(type_name: str) -> Codec:
    """Codec of a type."""
    return CODECS.get(type_name, RAW)
