"""Single structures, which follow from their declarations.

Needs `mappedram[fuzz]`. Example: two tests of a parser of block headers, the second with a defect:

>>> from hypothesis import given
>>> from mappedram.fuzz.derived import broken_records, records
>>> @given(records("ramblock_header", has_mapped_ram=1))
... def test_block(record):
...     assert my_parser.block(record.data).name == record.values["idstr"]
>>> @given(records("ramblock_header", {"*/mapped_ram/version": 2}, has_mapped_ram=1))
... def test_version_2(record):
...     with pytest.raises(my_parser.Error):
...         my_parser.block(record.data)

Each field is drawn by its type and its rules, with a preference for values beside their borders.
Lengths and counts are never drawn: they follow from the parts that they count.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum
from fnmatch import fnmatchcase
from functools import partial
from typing import Any

from construct import (
    Array,
    Bytes,
    Construct,
    Container,
    FormatField,
    StringEncoded,
    Struct,
    Switch,
    evaluate,
)
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from mappedram.errors import UnknownNameError
from mappedram.format import RECORDS, drivers
from mappedram.format._spec import TYPES
from mappedram.format.complete import measures
from mappedram.format.drivers import DriverName
from mappedram.format.members import Member, members
from mappedram.format.stream import ENCODING
from mappedram.format.structures import KINDS
from mappedram.format.typed import Fields, Params, Value
from mappedram.format.validity import (
    AtLeast,
    AtMost,
    Between,
    ByParams,
    Masked,
    MultipleOf,
    OneOf,
    PowerOfTwo,
    Scalar,
    Validity,
)

#: Values for fields by their path, such as `*/mapped_ram/version`: constants, or strategies.
Overrides = Mapping[str, Scalar | SearchStrategy[Scalar]]

#: Usual lengths of texts and lists; longer ones repeat what was drawn.
_SHORT_MAX, _FEW_MAX = 16, 4
#: Parameters that are drawn: whether something is present, and page sizes. The others are places in
#: a file, which a single structure does not have.
_PARAMETERS: Mapping[str, SearchStrategy[int]] = {
    **dict.fromkeys(
        ("has_page_size", "has_addr", "has_mapped_ram", "is_be", "is_extended"), st.booleans()
    ),
    "len_page": st.integers(8, 16).map(lambda bits: 1 << bits),
}


@dataclass(frozen=True)
class DerivedRecord:
    """One structure as values; its `repr` can be pasted into a test.

    Attributes:
        kind: its name in the spec.
        params: parameters from the stream around it, such as `has_addr`.
        values: its fields by name, None for absent ones.
        broken: path of the field with a forbidden value; None if every field is right.
    """

    kind: str
    params: dict[str, int]
    values: Fields
    broken: str | None = None

    def __repr__(self) -> str:
        broken = f", broken={self.broken!r}" if self.broken else ""
        return f"DerivedRecord({self.kind!r}, {self.params!r}, {written(self.values)}{broken})"

    @property
    def data(self) -> bytes:
        """The bytes of all values, without applying rules or correcting lengths."""
        return b"".join(_encoded(RECORDS[self.kind], self.values, self.params))

    def build(self, driver: DriverName = "construct") -> bytes:
        """Build the bytes with a driver.

        Raises:
            BuildError: a field has a forbidden value.
        """
        return drivers.get(driver).build(KINDS[self.kind], self.values, self.params)


def records(
    kind: str, overrides: Overrides | None = None, **params: int
) -> SearchStrategy[DerivedRecord]:
    """Structures of one kind with permitted values in every field.

    Args:
        kind: its name in the spec, such as `ramblock_header`.
        overrides: values for some fields, which may be forbidden ones. A path begins with the kind,
            and `*` stands for any part of it.
        params: parameters from the stream around it; drawn if left out.

    Raises:
        UnknownNameError: there is no such structure.
        ValueError: an override is for no field, or the structure has no such parameter.
    """
    return _records(kind, _checked(kind, overrides or {}, params), params)


def broken_records(kind: str, **params: int) -> SearchStrategy[DerivedRecord]:
    """Structures of one kind with a value just outside the permitted ones in one field.

    The path of that field is `broken`.

    Raises:
        UnknownNameError: there is no such structure.
        ValueError: no field of it has a rule, or the structure has no such parameter.
    """
    _checked(kind, {}, params)
    if not any(field.validity for _, field in _fields(RECORDS[kind], kind)):
        raise ValueError(f"{kind}: every field may hold anything")
    return _broken(kind, params).filter(lambda record: record.broken is not None)


def _checked(kind: str, overrides: Overrides, params: Params) -> Overrides:
    if kind not in RECORDS:
        raise UnknownNameError("structure", kind, RECORDS)
    paths = [path for path, _ in _fields(RECORDS[kind], kind)]
    for pattern in overrides:
        if not any(fnmatchcase(path, pattern) for path in paths):
            raise ValueError(f"override {pattern!r} matches no field of {kind}")
    if unknown := params.keys() - set(TYPES[kind].params):
        raise ValueError(f"{kind} has no parameter {', '.join(sorted(unknown))}")
    return overrides


@st.composite
def _records(draw: DrawFn, kind: str, overrides: Overrides, params: Params) -> DerivedRecord:
    drawn = {
        name: params[name] if name in params else draw(_PARAMETERS[name])
        for name in TYPES[kind].params
        if name in params or name in _PARAMETERS
    }
    drawing = _Drawing(draw, overrides, drawn)
    return DerivedRecord(kind, drawn, drawing.structure(RECORDS[kind].subcon, kind))


@st.composite
def _broken(draw: DrawFn, kind: str, params: Params) -> DerivedRecord:
    record = draw(_records(kind, {}, params))
    ways = list(_ways(RECORDS[kind], record.values, record.params, ""))
    if not ways:  # the fields with rules are absent
        return record
    path, owner, name, refused = draw(st.sampled_from(ways))
    owner[name] = draw(st.sampled_from(refused))
    return DerivedRecord(kind, record.params, record.values, path)


def _ways(
    structure: Construct, values: Any, params: Params, prefix: str
) -> Iterator[tuple[str, dict[str, Value], str, tuple[Scalar, ...]]]:
    """Each field with a rule: its path, owner and name, and the values to try."""
    for field in members(structure):
        value = values[field.name]
        path = f"{prefix}{field.name}"
        if value is not None and (rule := _rule(field, params)):
            refused = rule.boundaries(_fitting(field, value, params)).refused
            if refused:
                yield path, values, field.name, refused
        if isinstance(value, dict):
            yield from _ways(_structure_of(field, value), value, params, f"{path}/")


def _fields(structure: Construct, path: str) -> Iterator[tuple[str, Member]]:
    """All fields of a structure and of those within it, by path."""
    for field in members(structure):
        here = f"{path}/{field.name}"
        yield here, field
        for inner in field.structures:
            yield from _fields(inner, here)


def _rule(field: Member, params: Params) -> Validity | None:
    rule = field.validity
    return rule.of(params) if isinstance(rule, ByParams) else rule


# Fields.


def _core(field: Member, params: Params) -> Construct:
    """Type of a field, even if a parameter selects it."""
    core = field.core
    if isinstance(core, Switch) and not field.structures:
        core = core.cases[evaluate(core.keyfunc, Container(_params=Container(params)))]
    return core


def _structure_of(field: Member, values: Fields) -> Struct:
    """The alternative of a field that has these values."""
    return next(
        structure
        for structure in field.structures
        if {member.name for member in members(structure)} == values.keys()
    )


def _most(core: Construct) -> int:
    """Largest number that a field can hold.

    Raises:
        NotImplementedError: it is not an unsigned number.
    """
    if not isinstance(core, FormatField) or core.fmtstr[-1].islower():
        raise NotImplementedError(f"{core!r}: not a number without a sign: give an override")
    return (1 << 8 * int(core.sizeof())) - 1


def _fitting(field: Member, value: Scalar, params: Params) -> Callable[[Scalar], bool]:
    """Whether a field can hold another value; bytes and texts must keep their length."""
    if isinstance(value, int):
        most = _most(_core(field, params))
        return lambda other: isinstance(other, int) and 0 <= other <= most
    length = len(value)
    return lambda other: not isinstance(other, int) and len(other) == length


def _count(core: Construct) -> Any:
    """Length of bytes, or number of members of a list: a number or an expression."""
    core = core.subcon if isinstance(core, StringEncoded) else core
    if isinstance(core, Array):
        return core.count
    return core.length if isinstance(core, Bytes) else None


class _Drawing:
    """One walk through a declaration, in wire order."""

    def __init__(self, draw: DrawFn, overrides: Overrides, params: Params) -> None:
        self.draw = draw
        self.overrides = overrides
        self.params = params

    def structure(self, structure: Struct, path: str) -> Fields:
        """The values of a structure."""
        fields = {field.name: field for field in members(structure)}
        counts = measures(structure)
        counting = {name: fields[name] for name in counts.values()}
        values: dict[str, Value] = dict.fromkeys(fields)
        seen = Container(_params=Container(self.params))
        for name, field in fields.items():
            if name in counting or (field.condition and not field.condition(seen)):
                continue
            here = f"{path}/{name}"
            by = counting[counts[name]] if name in counts else None
            draw = partial(self.value, field, here, by, seen)
            values[name] = seen[name] = self.overridden(here, draw)
            if by:
                count = partial(len, seen[name])
                values[by.name] = self.overridden(f"{path}/{by.name}", count)
        return values

    def overridden(self, path: str, otherwise: Callable[[], Value]) -> Value:
        """The override of a field, or a drawn value."""
        for pattern, value in self.overrides.items():
            if fnmatchcase(path, pattern):
                return self.draw(value) if isinstance(value, SearchStrategy) else value
        return otherwise()

    def value(self, field: Member, path: str, counted_by: Member | None, seen: Container) -> Value:
        """A value of a present field."""
        core = _core(field, self.params)
        if isinstance(core, Switch):
            core = core.cases[evaluate(core.keyfunc, seen)]
        if isinstance(core, Struct):
            return self.structure(core, path)
        if isinstance(core, FormatField):
            drawn: int = self.draw(_numbers(_most(core), _rule(field, self.params), _others(field)))
            return drawn
        least, most = self.lengths(core, counted_by, seen)
        if isinstance(core, Array):
            return self.listed(core, path, least, most)
        text: str | bytes = self.draw(
            _texts(core, least, most, _rule(field, self.params), _others(field))
        )
        return text

    def lengths(
        self, core: Construct, counted_by: Member | None, seen: Container
    ) -> tuple[int, int]:
        """Shortest and longest permitted length."""
        if counted_by is None:
            fixed: int = evaluate(_count(core), seen)
            return fixed, fixed
        rule = _rule(counted_by, self.params)
        least, most = 0, _most(_core(counted_by, self.params))
        return (
            max(least, rule.least) if isinstance(rule, AtLeast | Between) else least,
            min(most, rule.most) if isinstance(rule, AtMost | Between) else most,
        )

    def listed(self, core: Array, path: str, least: int, most: int) -> list[Fields]:
        """A few members, or as many as permitted."""
        few = min(most, max(least, _FEW_MAX))
        count = self.draw(st.integers(least, few) | st.just(most))
        drawn = [self.structure(core.subcon, path) for _ in range(min(count, few))]
        return [*drawn, *drawn[-1:] * (count - len(drawn))]


def _others(field: Member) -> list[Validity]:
    """Limits that a reader does not enforce: both sides are tried."""
    return [rule.validity for rule in field.rules if isinstance(rule.validity, Validity)]


def _numbers(most: int, rule: Validity | None, others: list[Validity]) -> SearchStrategy[int]:
    """Numbers that a rule accepts, with a preference for those beside borders."""
    border = [0, 1, most // 2, most // 2 + 1, most - 1, most]
    for validity in (*([rule] if rule else []), *others):
        border += [int(value) for value in validity.near() if isinstance(value, int)]
    tried = sorted(
        {value for value in border if 0 <= value <= most and (not rule or rule.accepts(value))}
    )
    return st.sampled_from(tried) | _accepted(rule, most) if tried else _accepted(rule, most)


def _accepted(rule: Validity | None, most: int) -> SearchStrategy[int]:
    """All numbers up to `most` that a rule accepts.

    Raises:
        NotImplementedError: numbers of such a rule cannot be drawn yet.
    """
    match rule.canonical() if rule else AtLeast(0):
        case OneOf(values=values):
            found = st.sampled_from([value for value in values if isinstance(value, int)])
        case AtMost(most=bound):
            found = st.integers(0, min(bound, most))
        case AtLeast(least=bound):
            found = st.integers(bound, most)
        case Between(least=least, most=bound):
            found = st.integers(least, min(bound, most))
        case MultipleOf(unit=unit):
            found = st.integers(0, most // unit).map(lambda number: number * unit)
        case PowerOfTwo(least=least, most=bound):
            powers = st.integers(least.bit_length() - 1, bound.bit_length() - 1)
            found = powers.map(lambda bits: 1 << bits)
        case Masked(mask=mask, values=flags):
            rest = st.integers(0, most).map(lambda value: value & ~mask)
            found = st.builds(int.__or__, st.sampled_from(flags), rest)
        case _:
            raise NotImplementedError(f"{rule!r}: no strategy for numbers: give an override")
    return found


def _texts(
    core: Construct, least: int, most: int, rule: Validity | None, others: list[Validity]
) -> SearchStrategy[Any]:
    """Texts or bytes of a permitted length, with a preference for those beside borders."""
    is_text = isinstance(core, StringEncoded)
    kind = str if is_text else bytes
    border = [
        value
        for validity in (*([rule] if rule else []), *others)
        for value in validity.near()
        if isinstance(value, kind)
        and least <= len(value) <= most
        and (not rule or rule.accepts(value))
    ]
    if rule:
        return st.sampled_from(border)
    lengths = st.integers(least, min(most, max(least, _SHORT_MAX))) | st.sampled_from([least, most])
    found = lengths.flatmap(_text_of if is_text else _bytes_of)
    return found | st.sampled_from(border) if border else found


def _text_of(length: int) -> SearchStrategy[str]:
    short = min(length, _SHORT_MAX)
    letters = st.text(st.characters(max_codepoint=0xFF), min_size=short, max_size=short)
    return letters.map(lambda text: (text * (-(-length // max(short, 1))))[:length])


def _bytes_of(length: int) -> SearchStrategy[bytes]:
    short = min(length, _SHORT_MAX)
    found = st.binary(min_size=short, max_size=short)
    return found.map(lambda data: (data * (-(-length // max(short, 1))))[:length])


# Values of any kind as text and as bytes.


def written(value: Value) -> str:
    """A value as Python source; long repetitive texts and lists are shortened."""
    if isinstance(value, dict):
        return f"{{{', '.join(f'{name!r}: {written(entry)}' for name, entry in value.items())}}}"
    if isinstance(value, list):
        once = len(value) > _FEW_MAX and value[_FEW_MAX:] == value[-1:] * (len(value) - _FEW_MAX)
        shown = f"[{', '.join(map(written, value[:_FEW_MAX] if once else value))}]"
        return f"{shown} + [{written(value[-1])}] * {len(value) - _FEW_MAX}" if once else shown
    if isinstance(value, str | bytes) and len(value) > _SHORT_MAX:
        unit, times = value[:_SHORT_MAX], -(-len(value) // _SHORT_MAX)
        if value == (unit * times)[: len(value)]:
            return f"({unit!r} * {times})[:{len(value)}]"
    return repr(int(value) if isinstance(value, IntEnum) else value)


def _encoded(structure: Construct, values: Fields, params: Params) -> Iterator[bytes]:
    for field in members(structure):
        match values[field.name]:
            case None:
                continue
            case str() as text:
                yield text.encode(ENCODING)
            case bytes() as data:
                yield data
            case dict() as inner:
                yield from _encoded(_structure_of(field, inner), inner, params)
            case list() as members_of_list:
                for entry in members_of_list:
                    yield from _encoded(_structure_of(field, entry), entry, params)
            case number:
                yield _core(field, params).build(number)
