"""Types of values: each structure has the fields of its `TypedDict`."""

from types import NoneType, UnionType
from typing import TYPE_CHECKING, assert_type, get_args, get_origin, get_type_hints, is_typeddict

import construct
import pytest

import mappedram
from mappedram.format import RECORDS, drivers, structures, views
from mappedram.format.drivers.base import Driver
from mappedram.format.members import Member, members
from mappedram.format.typed import Fields, Kind
from mappedram.stream.model import Element, RamBlock, is_kind, of_kind
from tests.conftest import Fixtures, manifest
from tools.generate.structures import VIEWED, name_of

HINTS = {kind: get_type_hints(getattr(structures, name_of(kind))) for kind in structures.KINDS}


# Generated types equal the declarations.


def test_every_structure_has_a_kind() -> None:
    assert structures.KINDS.keys() == RECORDS.keys()
    for name, kind in structures.KINDS.items():
        assert kind == name
        assert getattr(structures, name.upper()) is kind


def declared(core: construct.Construct) -> object:
    """Type of the value that Construct parses for a field."""
    if isinstance(core, construct.Array):
        return list[declared(core.subcon)]  # type: ignore[misc]
    if isinstance(core, construct.Switch):
        found = [declared(case) for case in dict.fromkeys(core.cases.values())]
        return union(*dict.fromkeys(found))
    if isinstance(core, construct.Struct):
        kind = next(name for name, one in RECORDS.items() if one.subcon is core)
        return getattr(structures, name_of(kind))
    scalars = {construct.FormatField: int, construct.StringEncoded: str, construct.Bytes: bytes}
    return scalars[type(core)]


def union(first: object, *others: object) -> object:
    for other in others:
        first = first | other  # type: ignore[operator]
    return first


def type_of(field: Member) -> object:
    found = declared(field.core)
    return union(found, None) if field.condition else found


@pytest.mark.parametrize("kind", RECORDS)
def test_fields_have_the_types_that_are_declared(kind: str) -> None:
    fields = members(RECORDS[kind])
    assert list(HINTS[kind]) == [field.name for field in fields]
    for field in fields:
        assert HINTS[kind][field.name] == type_of(field), field.name


@pytest.mark.parametrize("kind", VIEWED)
def test_views_have_each_field_that_is_no_structure(kind: str) -> None:
    view = getattr(views, name_of(kind))
    for field in members(RECORDS[kind]):
        if field.structures:
            assert not hasattr(view, field.name)
            continue
        getter = getattr(view, field.name).fget
        assert get_type_hints(getter)["return"] == HINTS[kind][field.name]
        assert " ".join(getter.__doc__.split()) == field.docs


# Values have their declared types.


def fits(value: object, hint: object) -> bool:
    """Whether a value has a type, including all its members."""
    if isinstance(hint, UnionType):
        return any(fits(value, one) for one in get_args(hint))
    if get_origin(hint) is list:
        return type(value) is list and all(fits(one, get_args(hint)[0]) for one in value)
    if is_typeddict(hint):
        hints = get_type_hints(hint)
        return (
            type(value) is dict
            and list(value) == list(hints)
            and all(fits(member, hints[name]) for name, member in value.items())
        )
    return type(value) is (NoneType if hint is None else hint)


def test_what_fits() -> None:
    footer = structures.SectionFooter
    assert fits({"section_type": 1, "section_id": 2}, footer)
    assert not fits({"section_type": 1, "section_id": None}, footer)
    assert not fits({"section_type": 1}, footer)
    assert fits(None, int | None)
    assert not fits(b"", int | None)
    assert not fits([{}], list[structures.Capability])


@pytest.mark.parametrize("driver", drivers.DRIVERS)
@pytest.mark.parametrize("name", manifest())
def test_values_of_real_files_are_of_their_types(
    fixtures: Fixtures, name: str, driver: drivers.DriverName
) -> None:
    fixture = fixtures[name]
    with mappedram.open(fixture.path, fixture.offset, driver=driver, partial=True) as snapshot:
        for element in snapshot.stream.elements:
            hint = getattr(structures, name_of(element.kind))
            assert fits(element.values, hint), (element.path, element.values)


# Checked by mypy: a line without the expected error fails as an unused "ignore".

if TYPE_CHECKING:

    def _driver(driver: Driver, data: bytes) -> None:
        values, length = driver.parse(structures.RAMBLOCK_HEADER, data, {})
        assert_type(values, structures.RamBlockHeader)
        assert_type(length, int)
        assert_type(values["idstr"], str)
        assert_type(values["addr"], int | None)
        assert_type(values["mapped_ram"], structures.MappedRamHeader | None)
        values["mapped_ram"]["version"]  # type: ignore[index]
        values["name"]  # type: ignore[typeddict-item]
        values["idstr"] + 1  # type: ignore[operator]
        driver.parse("ramblock_header", data, {})  # type: ignore[arg-type]

        footer: structures.SectionFooter = {"section_type": 0x7E, "section_id": 1}
        driver.build(structures.SECTION_FOOTER, footer, {})
        driver.build(structures.MEM_SIZE, footer, {})  # type: ignore[misc]
        short: structures.SectionFooter = {"section_type": 1}  # type: ignore[typeddict-item]
        text: structures.SectionFooter = {
            "section_type": 1,
            "section_id": "2",  # type: ignore[typeddict-item]
        }
        more: structures.SectionFooter = {
            "section_type": 1,
            "section_id": 2,
            "length": 3,  # type: ignore[typeddict-unknown-key]
        }
        for wrong in (short, text, more):
            driver.build(structures.SECTION_FOOTER, wrong, {})

    def _elements(elements: list[Element[object]], block: RamBlock) -> None:
        for element in elements:
            element.values["idstr"]  # type: ignore[index]
            assert_type(element.fields, Fields)
            if is_kind(element, structures.CONFIGURATION_SUBSECTION):
                body = element.values["body"]
                body["uuid"]  # type: ignore[typeddict-item]
                if "uuid" in body:
                    assert_type(body["uuid"], bytes)
        for chunk in of_kind(elements, structures.DIRTY_BITMAP_CHUNK):
            assert_type(chunk, Element[structures.DirtyBitmapChunk])
        assert_type(structures.MEM_SIZE, Kind[structures.MemSize])
        assert_type(block.idstr, str)
        assert_type(block.addr, int | None)
        block.used_length = 2  # type: ignore[misc]
