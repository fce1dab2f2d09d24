"""Permitted values of a field, as data: for judging, messages, comparison and boundary tests."""

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import ClassVar, NamedTuple, Never, dataclass_transform

from mappedram.format.typed import Params

Scalar = int | str | bytes
#: Formats a value for a message.
Shown = Callable[[Scalar], str]
#: QEMU's names of values.
Names = Mapping[int, str]

_UNNAMED: Names = MappingProxyType({})
#: Larger numbers are flags or tags, and shown in hexadecimal.
_DECIMAL_MAX = 0xFFFF


def told(value: Scalar) -> str:
    """Format a value for an error message, text in quotes."""
    if isinstance(value, bytes):
        value = value.decode("latin-1")
    if isinstance(value, str):
        return f'"{value}"'
    return f"{value:#x}" if value > _DECIMAL_MAX else f"{value:d}"


def hexadecimal(value: Scalar) -> str:
    """Format a size, an offset or flags."""
    return f"{value:#x}" if isinstance(value, int) else told(value)


class Boundaries(NamedTuple):
    """Values next to the limits of a rule that a field can hold: accepted and refused ones."""

    accepted: tuple[Scalar, ...]
    refused: tuple[Scalar, ...]


@dataclass_transform(frozen_default=True)
class Validity:
    """Rule about the value of one field. Rules of one class with the same parameters are equal.

    Subclasses declare parameters as dataclasses do. They are not dataclasses, because creating a
    dozen of those takes 4 ms on every import.
    """

    #: Parameters that affect only the wording of a rule.
    _TOLD: ClassVar = frozenset({"names"})
    _names: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls) -> None:
        cls._names = tuple(cls.__annotations__)

    def __init__(self, *values: object, **named: object) -> None:
        names = self._names
        given = dict(zip(names, values, strict=False)) | named
        if len(given) != len(values) + len(named) or not given.keys() <= set(names):
            raise TypeError(f"{type(self).__name__} takes {', '.join(names)}")
        for name in names:
            value = given[name] if name in given else getattr(type(self), name)
            object.__setattr__(self, name, value)

    def __setattr__(self, name: str, value: object) -> Never:
        raise AttributeError(f"{self!r} cannot be changed")

    @property
    def parameters(self) -> dict[str, object]:
        """Parameters that distinguish rules of one class."""
        return {name: value for name, value in vars(self).items() if name not in self._TOLD}

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Validity) or type(self) is not type(other):
            return NotImplemented
        return self.parameters == other.parameters

    def __hash__(self) -> int:
        return hash((type(self), *self.parameters.values()))

    def __repr__(self) -> str:
        shown = (f"{name}={value!r}" for name, value in self.parameters.items())
        return f"{type(self).__name__}({', '.join(shown)})"

    def accepts(self, value: object) -> bool:
        """Whether the field may hold the value."""
        raise NotImplementedError

    def text(self, shown: Shown = told) -> str:
        """Short description of the expected values; empty if that takes more than a few words."""
        raise NotImplementedError

    def near(self) -> Iterable[Scalar]:
        """Values on both sides of each limit; a field may be too narrow for some of them."""
        raise NotImplementedError

    @property
    def expected(self) -> str:
        """Expected values, as error messages show them."""
        return self.text()

    def canonical(self) -> "Validity":
        """Equivalent rule in the canonical form, for comparing rules."""
        return self

    def boundaries(self, fits: Callable[[Scalar], bool]) -> Boundaries:
        """Boundary values for tests.

        Args:
            fits: whether the field can hold a value at all.
        """
        values = [value for value in dict.fromkeys(self.near()) if fits(value)]
        return Boundaries(
            tuple(value for value in values if self.accepts(value)),
            tuple(value for value in values if not self.accepts(value)),
        )


class OneOf(Validity):
    """One of the listed values; `names` has QEMU's names of them."""

    values: tuple[Scalar, ...]
    names: Names = _UNNAMED

    def accepts(self, value: object) -> bool:
        """See `Validity.accepts`."""
        return value in self.values

    def text(self, shown: Shown = told) -> str:
        """See `Validity.text`."""
        return " or ".join(
            f"{value:#04x} ({self.names[value]})"
            if isinstance(value, int) and value in self.names
            else shown(value)
            for value in self.values
        )

    def near(self) -> Iterable[Scalar]:
        """See `Validity.near`."""
        for value in self.values:
            yield value
            if isinstance(value, int):
                yield from (value - 1, value + 1)
            elif isinstance(value, str):
                yield from (
                    value[:-1] + chr(ord(value[-1]) ^ 1),
                    chr(ord(value[0]) ^ 1) + value[1:],
                )
            else:
                yield from (
                    value[:-1] + bytes([value[-1] ^ 1]),
                    bytes([value[0] ^ 1]) + value[1:],
                )

    def canonical(self) -> Validity:
        """See `Validity.canonical`."""
        plain = {int(value) if isinstance(value, int) else value for value in self.values}
        return OneOf(tuple(sorted(plain, key=repr)))


class Equals(Validity):
    """Exactly one value; `names` may have QEMU's name of it."""

    value: Scalar
    names: Names = _UNNAMED

    def accepts(self, value: object) -> bool:
        """See `Validity.accepts`."""
        return bool(value == self.value)

    def text(self, shown: Shown = told) -> str:
        """See `Validity.text`."""
        return OneOf((self.value,), self.names).text(shown)

    def near(self) -> Iterable[Scalar]:
        """See `Validity.near`."""
        return OneOf((self.value,)).near()

    def canonical(self) -> Validity:
        """See `Validity.canonical`."""
        return OneOf((self.value,)).canonical()


class AtMost(Validity):
    """At most `most`."""

    most: int

    def accepts(self, value: object) -> bool:
        """See `Validity.accepts`."""
        return isinstance(value, int) and value <= self.most

    def text(self, shown: Shown = told) -> str:
        """See `Validity.text`."""
        return f"<= {shown(self.most)}"

    def near(self) -> Iterable[Scalar]:
        """See `Validity.near`."""
        return 0, self.most - 1, self.most, self.most + 1


class AtLeast(Validity):
    """At least `least`."""

    least: int

    def accepts(self, value: object) -> bool:
        """See `Validity.accepts`."""
        return isinstance(value, int) and value >= self.least

    def text(self, shown: Shown = told) -> str:
        """See `Validity.text`."""
        return f">= {shown(self.least)}"

    def near(self) -> Iterable[Scalar]:
        """See `Validity.near`."""
        return self.least - 1, self.least, self.least + 1


class MoreThan(Validity):
    """More than `bound`."""

    bound: int

    def accepts(self, value: object) -> bool:
        """See `Validity.accepts`."""
        return isinstance(value, int) and value > self.bound

    def text(self, shown: Shown = told) -> str:
        """See `Validity.text`."""
        return f"> {shown(self.bound)}"

    def near(self) -> Iterable[Scalar]:
        """See `Validity.near`."""
        return self.bound, self.bound + 1

    def canonical(self) -> Validity:
        """See `Validity.canonical`."""
        return AtLeast(self.bound + 1)


class Between(Validity):
    """From `least` to `most`, both included."""

    least: int
    most: int

    def accepts(self, value: object) -> bool:
        """See `Validity.accepts`."""
        return isinstance(value, int) and self.least <= value <= self.most

    def text(self, shown: Shown = told) -> str:
        """See `Validity.text`."""
        return f"{shown(self.least)} to {shown(self.most)}"

    def near(self) -> Iterable[Scalar]:
        """See `Validity.near`."""
        return self.least - 1, self.least, self.least + 1, self.most - 1, self.most, self.most + 1


class Masked(Validity):
    """Listed values in the bits of `mask`, and anything in the other bits.

    The bits of `beside` may also be set, with each of the values.
    """

    mask: int
    values: tuple[int, ...]
    beside: int = 0
    names: Names = _UNNAMED

    def accepts(self, value: object) -> bool:
        """See `Validity.accepts`."""
        return isinstance(value, int) and value & self.mask & ~self.beside in self.values

    def text(self, shown: Shown = hexadecimal) -> str:
        """See `Validity.text`."""
        values = " or ".join(
            f"{self.names[value]} ({value:#04x})" if value in self.names else shown(value)
            for value in self.values
        )
        bits = self.mask.bit_length()
        low = self.mask == (1 << bits) - 1
        return f"{values} in {f'the low {bits} bits' if low else f'the bits {self.mask:#x}'}"

    def near(self) -> Iterable[Scalar]:
        """See `Validity.near`."""
        high = 1 << self.mask.bit_length()
        for value in self.values:
            yield from (value, value | self.beside, value | high, value | (1 << 64) - high)
            yield from (value ^ 1 << bit for bit in range(self.mask.bit_length()))

    def canonical(self) -> Validity:
        """See `Validity.canonical`."""
        possible = {value for value in self.values if value & self.mask == value}
        accepted = possible | {value | self.beside & self.mask for value in possible}
        mask = self.mask
        for bit in (1 << number for number in range(mask.bit_length())):
            if {value ^ bit for value in accepted} == accepted:  # the bit does not matter
                mask &= ~bit
        return Masked(mask, tuple(sorted({value & mask for value in accepted})))


class MultipleOf(Validity):
    """A multiple of `unit`, 0 included."""

    unit: int

    def accepts(self, value: object) -> bool:
        """See `Validity.accepts`."""
        return isinstance(value, int) and value % self.unit == 0

    def text(self, shown: Shown = told) -> str:
        """See `Validity.text`."""
        return f"a multiple of {shown(self.unit)}"

    def near(self) -> Iterable[Scalar]:
        """See `Validity.near`."""
        return 0, 1, self.unit - 1, self.unit, self.unit + 1, 2 * self.unit


class PowerOfTwo(Validity):
    """A power of two from `least` to `most`, both included."""

    least: int
    most: int

    def accepts(self, value: object) -> bool:
        """See `Validity.accepts`."""
        return (
            isinstance(value, int) and self.least <= value <= self.most and value & (value - 1) == 0
        )

    def text(self, shown: Shown = told) -> str:
        """See `Validity.text`."""
        return f"a power of two, {shown(self.least)} to {shown(self.most)}"

    def near(self) -> Iterable[Scalar]:
        """See `Validity.near`."""
        yield 0
        for power in (self.least, self.most):
            yield from (power // 2, power - 1, power, power + 1, power * 3 // 2, power * 2)

    def canonical(self) -> Validity:
        """See `Validity.canonical`."""
        return PowerOfTwo(1 << (self.least - 1).bit_length(), 1 << self.most.bit_length() - 1)


class Printable(Validity):
    """Text of printable ASCII characters."""

    def accepts(self, value: object) -> bool:
        """See `Validity.accepts`."""
        return isinstance(value, str) and value.isascii() and value.isprintable()

    def text(self, shown: Shown = told) -> str:  # noqa: ARG002
        """See `Validity.text`."""
        return ""

    def near(self) -> Iterable[Scalar]:
        """See `Validity.near`."""
        return "", " ", "~", "\x1f", "\x7f", "\xa0"


class Harmless(Validity):
    """A name that is safe to show and to use as a path.

    Slashes are allowed: names of ROMs begin with one. Source: QEMU hw/core/loader.c, rom_set_mr().
    """

    def accepts(self, value: object) -> bool:
        """See `Validity.accepts`."""
        return isinstance(value, str) and self.danger(value) is None

    def danger(self, name: str) -> str | None:
        """Reason why a name is dangerous; None if it is safe."""
        if any(char < " " or char == "\x7f" for char in name):
            return "control characters"
        if not {".", ".."}.isdisjoint(name.split("/")):
            return "a step such as `..`"
        return None

    def text(self, shown: Shown = told) -> str:  # noqa: ARG002
        """See `Validity.text`."""
        return ""

    def near(self) -> Iterable[Scalar]:
        """See `Validity.near`."""
        return "", " ", "\x1f", "\x7f", "/", ".", "a/..", "../a", "...", "a.b"


class ByParams(NamedTuple):
    """Rule that depends on the stream around the structure.

    Attributes:
        of: the rule, given the parameters of the structure.
        expected: description of the expected values for all parameters.
    """

    of: Callable[[Params], Validity]
    expected: str
