"""Rules about one field: declared once, registered as declared, judged where the field stands."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from mappedram.check import RULES
from mappedram.check.finding import Place
from mappedram.check.rules.fields import FieldJudge, Spot, spots
from mappedram.format.constants import SectionType
from mappedram.format.judged import FieldRule
from mappedram.format.validity import Validity
from mappedram.stream.model import Element
from tests.format.test_validity import other_validities

MIB = 1 << 20


def header(**changed: Any) -> dict[str, Any]:
    values = {"version": 1, "page_size": 4096, "bitmap_offset": 99, "pages_offset": MIB}
    return {**values, **changed}


def block(used_length: int = 8192, **changed: Any) -> dict[str, Any]:
    values = {"len_idstr": 3, "idstr": "ram", "used_length": used_length, "page_size": None}
    return {**values, "addr": None, "mapped_ram": header(**changed)}


def start(**changed: Any) -> dict[str, Any]:
    values = {"section_type": SectionType.START, "section_id": 2, "len_idstr": 3, "idstr": "ram"}
    return {**values, "instance_id": 0, "version_id": 4, **changed}


def capabilities(*names: str) -> dict[str, Any]:
    listed = [{"len_name": len(name), "name": name} for name in names]
    return {
        "section_type": 5,
        "len_idstr": 26,
        "idstr": "configuration/capabilities",
        "version_id": 1,
        "body": {"caps_count": len(names), "capabilities": listed},
    }


def command(number: int, length: int) -> dict[str, Any]:
    return {"section_type": 8, "command": number, "len_data": length, "data": bytes(length)}


BITS = {"section_type": 5, "len_idstr": 30, "idstr": "configuration/target-page-bits"}
OF_10_BITS = {**BITS, "version_id": 1, "body": {"target_page_bits": 10}}
MACHINE = {"section_type": 7, "len_name": 2, "name": "pc"}
OFFSETS = "mapped_ram/bitmap_offset", "mapped_ram/pages_offset"
IMAGE = {"magic": "LibvirtQemudSave", "version": 2}

#: The fields that break a rule: path, what was expected, and what was found.
Broken = Sequence[tuple[str, str | None, str]]
#: Values of structures, and what breaks the rule in them.
JUDGED: list[tuple[str, Mapping[str, Any], Broken]] = [
    ("MR008", capabilities("mapped-ram"), []),
    ("MR008", capabilities(), []),
    ("MR008", OF_10_BITS, []),
    (
        "MR008",
        capabilities("a", "mapped-ram", "b"),
        [
            (f"body/capabilities[{index}]/name", "mapped-ram or x-ignore-shared", name)
            for index, name in ((0, "a"), (2, "b"))
        ],
    ),
    ("MR009", OF_10_BITS, []),
    ("MR009", {**OF_10_BITS, "version_id": 2}, [("version_id", "1", "2")]),
    ("MR015", MACHINE, []),
    ("MR015", {**MACHINE, "len_name": 0, "name": ""}, [("len_name", ">= 1", "0")]),
    ("MR016", MACHINE, []),
    ("MR016", {**MACHINE, "name": "\xe9"}, [("name", None, "\xe9")]),
    ("MR021", start(), []),
    ("MR021", start(len_idstr=0, idstr=""), [("len_idstr", ">= 1", "0")]),
    ("MR026", start(), []),
    ("MR026", start(version_id=3), [("version_id", "4", "3")]),
    ("MR026", start(version_id=3, idstr="rax"), []),
    ("MR026", start(version_id=3, section_type=SectionType.FULL), []),
    ("MR027", start(), []),
    ("MR027", start(instance_id=1), [("instance_id", "0", "1")]),
    ("MR027", start(instance_id=1, idstr="rax"), []),
    ("MR027", start(instance_id=1, section_type=SectionType.FULL), []),
    ("MR028", start(), []),
    ("MR028", start(idstr="a/.."), [("idstr", None, "a/..")]),
    *(("MR031", command(number, 0), []) for number in (1, 11)),
    *(("MR031", command(n, 0), [("command", "1 to 11", f"{n}")]) for n in (0, 12)),
    *(("MR032", command(3, length), []) for length in (0, 16)),
    ("MR032", command(3, 8), [("len_data", "0 or 16", "8")]),
    ("MR032", command(2, 0), [("len_data", "4", "0")]),
    *(("MR032", command(number, 8), []) for number in (6, 10, 12)),
    ("MR104", block(), []),
    ("MR104", block(used_length=4097), [("used_length", "a multiple of 0x1000", "0x1001")]),
    ("MR104", block(used_length=1024, page_size=1024), []),
    *(("MR104", block(used_length=4097, page_size=size), []) for size in (0, 128, 131072)),
    *(
        (
            "MR104",
            block(used_length=65537, page_size=size),
            [("used_length", f"a multiple of {size:#x}", "0x10001")],
        )
        for size in (256, 65536)
    ),
    ("MR104", {**block(used_length=4097), "mapped_ram": None}, []),
    ("MR105", {"flags": 0x10}, []),
    ("MR105", {"flags": 0x30}, [("flags", "0x10", "0x30")]),
    ("MR109", block(), []),
    ("MR109", {**block(), "idstr": "\x7f"}, [("idstr", None, "\x7f")]),
    ("MR201", block(), []),
    ("MR201", block(pages_offset=MIB + 1), [(OFFSETS[1], "a multiple of 0x1000", "0x100001")]),
    *(("MR201", block(pages_offset=MIB + 1, page_size=s), []) for s in (0, 3, 128, 131072)),
    *(
        (
            "MR201",
            block(pages_offset=MIB + 1, page_size=size),
            [(OFFSETS[1], f"a multiple of {size:#x}", "0x100001")],
        )
        for size in (256, 65536)
    ),
    ("MR201", block(pages_offset=0), []),
    *(("MR204", block(page_size=size), []) for size in (256, 65536)),
    *(
        (
            "MR204",
            block(page_size=size),
            [("mapped_ram/page_size", "a power of two, 0x100 to 0x10000", f"{size:#x}")],
        )
        for size in (0, 128, 257, 384, 131072)
    ),
    ("MR206", block(), []),
    ("MR206", block(version=0), [("mapped_ram/version", "1", "0")]),
    ("MR208", block(), []),
    ("MR208", block(bitmap_offset=0), [(OFFSETS[0], "> 0", "0")]),
    ("MR208", block(pages_offset=0), [(OFFSETS[1], "> 0", "0")]),
    ("MR208", block(bitmap_offset=0, pages_offset=1), [(OFFSETS[0], "> 0", "0")]),
    ("MR208", block(bitmap_offset=1, pages_offset=0), [(OFFSETS[1], "> 0", "0")]),
    ("MR208", block(bitmap_offset=0, pages_offset=0), []),
    ("MR209", block(), []),
    ("MR209", block(bitmap_offset=0), []),
    ("MR209", block(pages_offset=0), []),
    ("MR209", block(bitmap_offset=0, pages_offset=0), [(OFFSETS[0], "> 0", "0")]),
    ("MR209", {**block(), "mapped_ram": None}, []),
    ("MR504", IMAGE, []),
    ("MR504", {**IMAGE, "version": 1}, [("version", "2", "1")]),
]


@pytest.mark.parametrize(("code", "values", "expected"), JUDGED)
def test_what_is_found_in_one_structure(
    code: str, values: Mapping[str, Any], expected: Broken
) -> None:
    judge = FieldJudge(code, lambda broken: f"{broken.value!r} where {broken.expected} is expected")
    elements = [Element(judge.kind, path, 0, 0, values) for path in ("/a", "/b")]
    found = list(
        judge.defects(elements, lambda element, path: Place(1, 2, f"{element.path}/{path}"))
    )
    assert [(defect.place.path, defect.expected, defect.actual) for defect in found] == [
        (f"{at}/{path}", wanted, actual) for at in ("/a", "/b") for path, wanted, actual in expected
    ]


def test_each_declared_rule_is_registered_as_declared() -> None:
    for code, found in spots().items():
        declared = {(s.kind, s.rule.severity, s.rule.clause) for s in found}
        assert declared == {(found[0].kind, RULES[code].severity, RULES[code].clause)}


def test_each_declared_rule_is_tried_here_on_both_sides() -> None:
    for code, found in spots().items():
        broken = {
            path.rpartition("/")[2] for c, _, fields in JUDGED if c == code for path, *_ in fields
        }
        assert broken == {spot.name for spot in found}, code
        assert [fields for c, _, fields in JUDGED if c == code and not fields], code


def test_the_field_of_a_name() -> None:
    rule: FieldRule = spots()["MR206"][0].rule
    assert (spots()["MR206"][0].kind, spots()["MR206"][0].steps) == (
        "ramblock_header",
        ("mapped_ram",),
    )
    assert rule.broken(1, header()) is None


def outcomes(code: str, judge: FieldJudge) -> list[list[str]]:
    """What a judge makes of each of the structures above, by path and by what was expected."""
    held = [values for listed, values, _ in JUDGED if listed == code]
    found = [Element(judge.kind, "", 0, 0, values) for values in held]
    return [
        [f"{d.place.path} {d.expected}" for d in judge.defects([element], at)] for element in found
    ]


def at(_: Element[object], path: str) -> Place:
    return Place(0, 0, path)


def other_rules(rule: FieldRule) -> Iterator[FieldRule]:
    """The rule with each bound of it, or of a condition, changed; and without the condition."""
    if isinstance(rule.validity, Validity):
        for validity in other_validities(rule.validity):
            if validity.canonical() != rule.validity.canonical():
                yield replace(rule, validity=validity)
    for path, condition in rule.where.items():
        yield replace(rule, where={key: v for key, v in rule.where.items() if key != path})
        for other in other_validities(condition):
            if other.canonical() != condition.canonical():
                yield replace(rule, where={**rule.where, path: other})


SPOTS = [spot for found in spots().values() for spot in found]


@pytest.mark.parametrize("spot", SPOTS, ids=lambda spot: f"{spot.rule.code}-{spot.name}")
def test_any_change_of_a_rule_is_seen(spot: Spot, monkeypatch: pytest.MonkeyPatch) -> None:
    judge = FieldJudge(spot.rule.code, lambda _: "")
    expected = outcomes(spot.rule.code, judge)
    found = spots()[spot.rule.code]
    for rule in other_rules(spot.rule):
        changed = [replace(each, rule=rule) if each is spot else each for each in found]
        monkeypatch.setattr(judge, "_spots", changed)
        try:
            seen = outcomes(spot.rule.code, judge)
        except (KeyError, ZeroDivisionError):  # the condition kept what cannot be judged out
            continue
        assert seen != expected, rule
