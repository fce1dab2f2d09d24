"""Permitted values of fields are equal in Construct and in `spec/*.ksy`, to the last bound."""

import copy
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest
from construct import FormatField

from mappedram.format import RECORDS, drivers
from mappedram.format.constants import RAM_SAVE_FLAGS, SECTION_TYPES
from mappedram.format.drivers.base import RefusalError
from mappedram.format.members import Member, member, members
from mappedram.format.structures import KINDS
from mappedram.format.typed import Params
from mappedram.format.validity import (
    AtLeast,
    AtMost,
    Between,
    ByParams,
    Equals,
    Harmless,
    Masked,
    MoreThan,
    MultipleOf,
    OneOf,
    PowerOfTwo,
    Printable,
    Scalar,
    Validity,
)
from tools.generate import ksy
from tools.generate.expressions import compiled, signed
from tools.generate.validity import is_ruled, of_the_file, specified

#: Page sizes of all targets; rules on page records depend on them.
PAGE_SIZES = [1 << bits for bits in range(16, 7, -1)]
NODES = {name: node for name, node in ksy.nodes() if name in RECORDS}

Node = Mapping[str, Any]
#: A field: its type, and its index among the fields.
Place = tuple[str, int]
Declared = Mapping[Place, Member]

DECLARED: Declared = {
    (kind, number): field
    for kind, record in RECORDS.items()
    for number, field in enumerate(members(record))
}


def parameters(node: Node) -> list[dict[str, int]]:
    """All values of the parameters that a type's rules depend on."""
    sized = any(param["id"] == "len_page" for param in node.get("params", []))
    return [{"len_page": size} for size in PAGE_SIZES] if sized else [{}]


def declared(field: Member, params: Params) -> Validity | None:
    rule = field.validity
    return rule.of(params) if isinstance(rule, ByParams) else rule


def agree(node: Node, number: int, field: Member) -> bool:
    """Whether both declarations permit the same values of a field for all parameters."""
    name = [name for name, _ in ksy.groups(node["seq"])][number]
    if is_ruled(node, name) != (field.validity is not None):
        return False
    for params in parameters(node):
        try:
            theirs = specified(node, name, params)
        except ValueError:  # a kind of rule that no declaration has
            return False
        ours = declared(field, params)
        if (theirs and theirs.canonical()) != (ours and ours.canonical()):
            return False
    return True


@pytest.mark.parametrize("kind", RECORDS)
def test_every_field_has_the_same_rule_in_both(kind: str) -> None:
    assert len(list(ksy.groups(NODES[kind]["seq"]))) == len(members(RECORDS[kind]))
    for number, field in enumerate(members(RECORDS[kind])):
        assert agree(NODES[kind], number, field), field.name


# Mutants of the spec.


def changed(value: Any) -> Iterator[Any]:
    """Other values for a constant of a `.ksy`."""
    if isinstance(value, int):
        yield from (value - 1, value + 1)
    elif "::" in str(value):
        *outer, enum, name = value.split("::")
        values = next(
            doc["enums"][enum]
            for doc in map(ksy.load, ksy.sources())
            if enum in doc.get("enums", {})
        )
        yield from (
            "::".join([*outer, enum, other["id"]])
            for other in values.values()
            if other["id"] != name
        )
    elif re.fullmatch(r'"[^"]+"', str(value)):
        yield f'"{value[1:-2]}"'
        yield f'"{value[1:-1].swapcase()}"'
    else:
        for found in re.finditer(r"0x[0-9a-f]+|\b\d+\b", str(value)):
            for number in changed(int(found[0], 0)):
                yield value[: found.start()] + str(number) + value[found.end() :]
        for operator, others in OPERATORS.items():
            for found in re.finditer(rf"(?<![<>=!]){re.escape(operator)}(?![<>=])", str(value)):
                for other in others:
                    yield value[: found.start()] + other + value[found.end() :]


OPERATORS = {
    "<=": ("<", ">="),
    " or ": (" and ",),
    " and ": (" or ",),
    "!=": ("==",),
    "==": ("!=",),
}


def other_rules(entry: Node) -> Iterator[Node]:
    """The entry of a field with each part of its rule changed, and without it."""
    if "contents" in entry:
        held = entry["contents"]
        other = held.swapcase() if isinstance(held, str) else [held[0] ^ 1, *held[1:]]
        yield {**entry, "contents": other}
        yield {key: value for key, value in entry.items() if key != "contents"}
    if "valid" not in entry:
        return
    yield {key: value for key, value in entry.items() if key != "valid"}
    valid = entry["valid"]
    if not isinstance(valid, dict):
        yield from ({**entry, "valid": value} for value in changed(valid))
        return
    for key, value in valid.items():
        if key == "any-of":
            for number, member_value in enumerate(value):
                rest = value[:number] + value[number + 1 :]
                yield {**entry, "valid": {key: rest}}
                for other in changed(member_value):
                    if other not in value:
                        yield {**entry, "valid": {key: [*rest, other]}}
        else:
            yield from ({**entry, "valid": {**valid, key: other}} for other in changed(value))
        if len(valid) > 1:
            yield {**entry, "valid": {k: v for k, v in valid.items() if k != key}}


def instances_of(node: Node, text: str) -> set[str]:
    """The instances that an expression depends on."""
    names = {name for name in node.get("instances", {}) if re.search(rf"\b{name}\b", text)}
    deeper = (instances_of(node, str(node["instances"][name].get("value", ""))) for name in names)
    return names.union(*deeper)


#: Changed bounds without effect: the page size that they compare is a power of two.
NO_CHANGE = {"len_page < 1023 ", "len_page < 1025 "}


def mutants(node: Node, number: int) -> Iterator[Node]:
    """The type with each bound of a field changed, one at a time."""
    (_, group) = list(ksy.groups(node["seq"]))[number]
    for place, entry in enumerate(node["seq"]):
        if entry not in group:
            continue
        for other_entry in other_rules(entry):
            yield {**node, "seq": [*node["seq"][:place], other_entry, *node["seq"][place + 1 :]]}
        valid = entry.get("valid")
        text = valid.get("expr", "") if isinstance(valid, dict) else ""
        for name in instances_of(node, text):
            for value in changed(node["instances"][name]["value"]):
                if any(same in value for same in NO_CHANGE):
                    continue
                other = copy.deepcopy(dict(node))
                other["instances"][name]["value"] = value
                yield other


RULED = [place for place, field in DECLARED.items() if field.validity]


def named(place: Place) -> str:
    return f"{place[0]}-{DECLARED[place].name}"


@pytest.mark.parametrize("place", RULED, ids=named)
def test_any_change_of_a_bound_in_the_spec_is_seen(place: Place) -> None:
    kind, number = place
    found = list(mutants(NODES[kind], number))
    assert len(found) > 1
    for mutant in found:
        assert not agree(mutant, number, DECLARED[place]), mutant


@pytest.mark.parametrize("place", [p for p in DECLARED if p not in RULED], ids=named)
def test_a_rule_that_only_one_of_them_has_is_seen(place: Place) -> None:
    kind, number = place
    node, field = NODES[kind], DECLARED[place]
    (_, group) = list(ksy.groups(node["seq"]))[number]
    seq = [{**entry, "valid": {"min": 0}} if entry in group else entry for entry in node["seq"]]
    assert not agree({**node, "seq": seq}, number, field)
    assert not agree(node, number, replace(field, validity=AtLeast(0)))


def test_an_instance_that_is_no_mask_is_no_rule() -> None:
    node = copy.deepcopy(dict(NODES["page_record"]))
    node["instances"]["low"]["value"] = "addr_and_flags + 1"
    with pytest.raises(ValueError, match="not some bits"):
        specified(node, "addr_and_flags", {"len_page": 4096})


@pytest.mark.parametrize(
    "valid", [{"in-enum": True}, {"min": 1, "any-of": [1]}, {"expr": "low > 1"}, "text"]
)
def test_a_rule_of_an_unknown_kind_is_refused(valid: object) -> None:
    node = copy.deepcopy(dict(NODES["page_record"]))
    node["seq"][0]["valid"] = valid
    with pytest.raises(ValueError, match=r"not known here|not a constant"):
        specified(node, "addr_and_flags", {"len_page": 4096})


def test_a_part_of_a_number_has_values_and_no_limits() -> None:
    node = copy.deepcopy(dict(NODES["mem_size"]))
    node["seq"][-1]["valid"] = {"max": 4}
    with pytest.raises(ValueError, match="in a part"):
        specified(node, "total_and_flags", {})


def test_rules_about_the_place_in_the_file() -> None:
    """The reader itself checks these, because they need more than the structure."""
    found = {kind: of_the_file(node) for kind, node in NODES.items() if of_the_file(node)}
    assert found == {"mapped_ram_header": ["ofs_pages"]}


@pytest.mark.parametrize(
    ("valid", "expected"),
    [
        (3, Equals(3)),
        ({"eq": 3}, Equals(3)),
        ("section_type::footer", Equals(0x7E)),
        ({"any-of": [1, 3]}, OneOf((1, 3))),
        ({"min": 2}, AtLeast(2)),
        ({"max": 2}, AtMost(2)),
        ({"min": 2, "max": 4}, Between(2, 4)),
        ({"expr": "_ <= 2 * 3"}, AtMost(6)),
        ({"expr": "_ < 7"}, AtMost(6)),
        ({"expr": "_ >= 7"}, AtLeast(7)),
        ({"expr": "_ > 7"}, AtLeast(8)),
        ({"expr": "_ == 7"}, Equals(7)),
    ],
)
def test_a_rule_of_each_kind(valid: object, expected: Validity) -> None:
    assert specified({"seq": [{"id": "x", "valid": valid}]}, "x", {}) == expected


@pytest.mark.parametrize(
    ("text", "exact", "with_sign"),
    [
        ("a / 2 + 1", 1 << 63 | 1, None),
        ("(a - (a / 4).as<u8> * 4).as<u8>", 3, -1),
        ("a == 0 ? 1 : a < 5 ? 2 : 3", 3, 2),
        ("not (a == 3) and 1 != 2 or 3 >= 4", True, True),
    ],
)
def test_expressions_are_computed_as_in_each_language(
    text: str, exact: object, with_sign: object
) -> None:
    value = (1 << 64) - 1
    if with_sign is None:
        assert compiled(text, {}, ["a"], is_signed=True)(-3) == 0  # towards zero
        assert compiled(text, {}, ["a"], is_signed=False)((1 << 64) - 1) == 1 << 63
        return
    assert compiled(text, {}, ["a"], is_signed=False)(value) == exact
    assert compiled(text, {}, ["a"], is_signed=True)(signed(value)) == with_sign


@pytest.mark.parametrize("text", ["a % 2", "b", "a +", "(a", "a a", "a.b"])
def test_expressions_that_are_not_known(text: str) -> None:
    with pytest.raises((ValueError, IndexError)):
        compiled(text, {}, ["a"], is_signed=False)


# Mutants of the declarations.


def other_values(value: Any) -> Iterator[Any]:
    """Other values for a parameter of a rule."""
    if isinstance(value, int):
        yield from (value - 1, value + 1)
    elif isinstance(value, bytes | str):
        yield from (value[:-1], value.swapcase())
    else:
        for number, single in enumerate(value):
            rest = value[:number] + value[number + 1 :]
            yield rest
            yield from ((*rest, other) for other in other_values(single) if other not in value)


def other_validities(rule: Validity) -> Iterator[Validity]:
    """The rule with each of its parameters changed, one at a time."""
    for name, parameter in rule.parameters.items():
        for value in other_values(parameter):
            yield type(rule)(**{**rule.parameters, name: value})


def other_members(field: Member) -> Iterator[Member]:
    rule = field.validity
    assert rule is not None
    yield replace(field, validity=None)
    if isinstance(rule, Validity):
        yield from (replace(field, validity=other) for other in other_validities(rule))
        return
    count = len(list(other_validities(rule.of({"len_page": PAGE_SIZES[0]}))))
    for number in range(count):
        yield replace(field, validity=ByParams(mutated(rule.of, number), rule.expected))


def mutated(of: Callable[[Params], Validity], number: int) -> Callable[[Params], Validity]:
    return lambda params: list(other_validities(of(params)))[number]


@pytest.mark.parametrize("place", RULED, ids=named)
def test_any_change_of_a_bound_in_a_declaration_is_seen(place: Place) -> None:
    kind, number = place
    found = list(other_members(DECLARED[place]))
    assert len(found) > 1
    for mutant in found:
        assert not agree(NODES[kind], number, mutant), mutant.validity


# Values that a rule accepts.

RULES: dict[Validity, tuple[str, list[Any], list[Any]]] = {
    Equals(7): ("7", [7], [6, 8]),
    Equals(b"QEVM"): ('"QEVM"', [b"QEVM"], [b"QEVL", b"PEVM"]),
    Equals("ram"): ('"ram"', ["ram"], ["ral", "sam"]),
    Equals(0xFFFFFFFF): ("0xffffffff", [0xFFFFFFFF], [0, 1 << 32]),
    OneOf((1, 4)): ("1 or 4", [1, 4], [0, 2, 3, 5]),
    AtMost(4096): ("<= 4096", [0, 4095, 4096], [4097]),
    AtLeast(1): (">= 1", [1, 2], [0]),
    MoreThan(0): ("> 0", [1], [0]),
    Between(1, 11): ("1 to 11", [1, 2, 10, 11], [0, 12]),
    Masked(0x3FF, (4,)): ("0x4 in the low 10 bits", [4, 0x404, 1 << 63 | 4], [0, 5, 0x204]),
    Masked(0x30, (0x10,)): ("0x10 in the bits 0x30", [0x10, 0x1F, 0x50], [0x20, 0x30, 0]),
    Masked(0x3FF, (0x10,), 0x20): ("0x10 in the low 10 bits", [0x10, 0x30], [0x20, 0x11]),
    MultipleOf(1024): ("a multiple of 1024", [0, 1024, 2048], [1, 1023, 1025]),
    PowerOfTwo(0x100, 0x10000): (
        "a power of two, 256 to 0x10000",
        [0x100, 0x200, 0x10000],
        [0, 0x80, 0xFF, 0x101, 0x180, 0xFFFF, 0x20000],
    ),
    Printable(): ("", ["", " ", "~"], ["\x1f", "\x7f", "\xa0"]),
    Harmless(): ("", ["", "/rom@x", "..."], ["\x1f", "\x7f", "..", "a/.", "../a"]),
}


@pytest.mark.parametrize("rule", RULES, ids=repr)
def test_what_a_rule_accepts_and_says(rule: Validity) -> None:
    text, accepted, refused = RULES[rule]
    assert rule.expected == text
    assert [value for value in accepted if not rule.accepts(value)] == []
    assert [value for value in refused if rule.accepts(value)] == []
    found = rule.boundaries(lambda _: True)
    assert all(map(rule.accepts, found.accepted))
    assert not any(map(rule.accepts, found.refused))
    assert found.accepted
    assert found.refused


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule.parameters], ids=repr)
def test_boundaries_tell_a_rule_from_each_of_its_neighbours(rule: Validity) -> None:
    """For each change of a parameter, a value beside a limit reveals it."""
    tried = rule.boundaries(lambda _: True)
    for other in other_validities(rule):
        seen = [value for value in tried.accepted if not other.accepts(value)]
        seen += [value for value in tried.refused if other.accepts(value)]
        assert seen or other.canonical() == rule.canonical(), other


def test_rules_that_accept_the_same_are_equal_in_one_form() -> None:
    assert Equals(7).canonical() == OneOf((7,)).canonical() != Equals("7").canonical()
    assert OneOf((4, 1)).canonical() == OneOf((1, 4)).canonical()
    assert MoreThan(0).canonical() == AtLeast(1).canonical()
    assert Masked(0x3FF, (0x10,), 0x20).canonical() == Masked(0x3FF, (0x10, 0x30)).canonical()
    assert Masked(0x3FF, (0x10,)).canonical() != Masked(0x3FF, (0x10, 0x30)).canonical()
    assert Masked(0xFF, (2, 0x102)).canonical() == Masked(0xFF, (2,)).canonical()


@pytest.mark.parametrize("rule", [AtMost(5), AtLeast(3), Between(3, 9)], ids=repr)
def test_what_is_tried_is_each_border_and_both_of_its_neighbours(rule: Validity) -> None:
    """A limit is an accepted number beside a refused one; found by trying all numbers."""
    borders = [
        number
        for number in range(20)
        if rule.accepts(number) and not (rule.accepts(number - 1) and rule.accepts(number + 1))
    ]
    assert borders
    tried = set(rule.near())
    assert {near for border in borders for near in (border - 1, border, border + 1)} <= tried


def test_rules_are_values() -> None:
    assert Masked(0x3FF, (4,), names={4: "x"}) == Masked(0x3FF, values=(4,))
    assert len({AtMost(1), AtMost(most=1), AtMost(2), AtLeast(1)}) == 3
    assert AtMost(1) != 1
    assert repr(Masked(1, (0,))) == "Masked(mask=1, values=(0,), beside=0)"
    with pytest.raises(AttributeError, match="cannot be changed"):
        AtMost(1).most = 2  # type: ignore[misc]
    with pytest.raises(TypeError, match="AtMost takes most"):
        AtMost(1, 2)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="AtMost takes most"):
        AtMost(least=1)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="AtMost takes most"):
        AtMost(1, most=1)  # type: ignore[misc]
    with pytest.raises(AttributeError):
        AtMost()  # type: ignore[call-arg]


def test_names_of_values_are_those_of_the_spec() -> None:
    enums = dict(ksy.enums())
    assert {value.value: value.name for value in enums["section_type"]} == SECTION_TYPES
    flags = {value.value: value.name for value in enums["ram_save_flag"]}
    assert flags == RAM_SAVE_FLAGS | {0x80: "RAM_SAVE_FLAG_HOOK"}


# Behaviour of the drivers.


def encoded(field: Member, value: Scalar) -> bytes | None:
    """The bytes of a value; None if the field cannot hold it."""
    match value:
        case bytes():
            return value
        case str():
            return value.encode("latin-1")
        case _:
            core = field.core
            size = core.sizeof(is_be=True) if not isinstance(core, FormatField) else core.sizeof()
            assert isinstance(size, int)
            return value.to_bytes(size, "big") if 0 <= value < 1 << 8 * size else None


#: The fixed part of a qcow2 image up to some fields, of version 3 and with clusters of 64 KiB.
QCOW2 = b"QFI\xfb" + bytes([0, 0, 0, 3]) + bytes(15) + bytes([16]) + bytes(80)
#: Bytes before a field, where zeros are not valid.
BEFORE = {
    ("qcow2_header", "version"): QCOW2[:4],
    ("qcow2_header", "cluster_bits"): QCOW2[:20],
    ("qcow2_header", "l1_size"): QCOW2[:36],
    ("qcow2_header", "nb_snapshots"): QCOW2[:60],
    ("qcow2_header", "incompatible_features"): QCOW2[:72],
    ("qcow2_header", "refcount_order"): QCOW2[:96],
    ("qcow2_header", "header_length"): QCOW2[:100],
    ("qcow2_snapshot", "l1_size"): bytes(8),
    ("qcow2_snapshot", "extra_data_size"): bytes(36),
    ("stream_header", "version"): b"QEVM",
    ("configuration_header", "len_name"): b"\7",
    ("configuration_subsection", "idstr"): b"\5",
    ("vfio_record", "tag"): b"\xff" * 4,
    ("libvirt_header", "version"): b"LibvirtQemudSave",
    ("page_record", "fill"): bytes(7) + b"\x22",
    ("page_record", "len_compressed"): bytes(6) + b"\1\x20",
}


@pytest.mark.parametrize("name", drivers.DRIVERS)
@pytest.mark.parametrize("place", RULED, ids=named)
def test_both_drivers_go_by_the_borders(place: Place, name: drivers.DriverName) -> None:
    kind, field = place[0], DECLARED[place]
    params = {"len_page": 4096, "is_be": 1}
    rule = declared(field, params)
    assert rule is not None
    tried = rule.boundaries(lambda value: encoded(field, value) is not None)
    assert tried.accepted
    assert tried.refused
    for value in (*tried.accepted, *tried.refused):
        data = BEFORE.get((kind, field.name), b"")
        if (kind, field.name) == ("configuration_subsection", "idstr"):
            data += bytes([len(str(value))])
        data += (encoded(field, value) or b"") + bytes(5000)
        refused = None
        try:
            drivers.get(name).parse(KINDS[kind], data, params)
        except RefusalError as refusal:
            refused = refusal if refusal.path == field.name else None
        assert (refused is None) == rule.accepts(value), value
        assert refused is None or (refused.actual == value and not refused.short)


def test_a_path_that_leads_to_no_field() -> None:
    assert member(RECORDS["ramblock_header"], "mapped_ram/version").validity == AtMost(1)
    body = "body/capabilities[3]/name"
    assert member(RECORDS["configuration_subsection"], body).validity is None
    for path in ("mapped_ram", "mapped_ram/x", "idstr/x", "x"):
        found = RECORDS["ramblock_header"]
        if path == "mapped_ram":
            assert member(found, path).structures
            continue
        with pytest.raises(KeyError):
            member(found, path)
