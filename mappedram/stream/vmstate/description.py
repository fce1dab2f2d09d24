"""The JSON text as typed descriptions: the fields of a device, their order and sizes.

Source: QEMU migration/vmstate.c, vmstate_save_state_v() (since 11.1 vmstate_save_vmsd_v()),
vmsd_desc_field_start() and vmsd_desc_field_end(). The text is not trusted: anything that QEMU would
not write becomes a `problem` of its field or description.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeGuard

from mappedram.stream.vmstate.codecs import STRUCTS, WORDS

#: Maximum depth of nesting. The devices of all tested machines have at most 4.
DEPTH_MAX = 32
#: Longer names are cut; on the wire, a name has one byte for its length.
NAME_MAX = 255
#: Upper bound of counts and sizes, as in QEMU.
_COUNT_END = 1 << 63

#: A JSON object as pairs: a list repeats the keys of its elements within one object.
Object = tuple[tuple[str, object], ...]


@dataclass(frozen=True, slots=True)
class FieldDescription:
    """One field, or all elements of an array.

    Attributes:
        name: as in the text; QEMU numbers fields of the same name: `name[0]`, `name[1]`.
        type: name of the wire type.
        size: bytes of the field, or of one element.
        count: number of elements, 1 for a field that is not an array.
        in_array: whether the text marks this as an array, or an element of one.
        nested: the structs inside: one for a struct, one for each element of a list.
        problem: why neither size nor contents of the field are known; None if they are.
        weight: maximum number of decoded values.
    """

    name: str
    type: str
    size: int
    count: int
    in_array: bool
    nested: tuple["Vmsd", ...]
    problem: str | None
    weight: int


@dataclass(frozen=True, slots=True)
class Vmsd:
    """One VMStateDescription of QEMU as described in the text. `problem` names a missing part."""

    name: str
    version: int | None
    fields: tuple[FieldDescription, ...]
    subsections: tuple["Vmsd", ...]
    problem: str | None

    @property
    def weight(self) -> int:
        """Maximum number of decoded values."""
        fields = sum(field.weight for field in self.fields)
        return 2 + fields + sum(subsection.weight for subsection in self.subsections)


@dataclass(frozen=True, slots=True)
class Document:
    """The whole text: descriptions are parsed on demand."""

    configuration: Object | None
    devices: tuple[tuple[str, int, Object], ...]


def load(text: bytes) -> Document | None:
    """The text as a document; None if it is not a JSON object."""
    try:
        # Objects become tuples, so that they differ from lists.
        document = json.loads(text, object_pairs_hook=tuple)
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, tuple):
        return None
    configuration = get(document, "configuration")
    return Document(
        configuration if isinstance(configuration, tuple) else None,
        tuple(_devices(get(document, "devices"))),
    )


def _devices(devices: object) -> Iterator[tuple[str, int, Object]]:
    for device in devices if isinstance(devices, list) else ():
        if isinstance(device, tuple):
            name, instance_id = get(device, "name"), get(device, "instance_id")
            if isinstance(name, str) and _is_count(instance_id):
                yield name, instance_id, device


def get(pairs: Object, key: str) -> object:
    """The first value of `key`; None if there is none."""
    return next((value for name, value in pairs if name == key), None)


def vmsd(pairs: Object, depth: int = 0) -> Vmsd:
    """The description in an object that has one, such as a device or the value of `struct`."""
    found = _groups(pairs, depth)
    return found[0] if found else Vmsd("", None, (), (), None)


def _groups(pairs: Object, depth: int) -> tuple[Vmsd, ...]:
    """All descriptions in one object: a repeated key begins the next one.

    Source: QEMU migration/vmstate-types.c, put_qtailq(), put_qlist() and put_gtree_elem(), with
    save_ for put_ since 11.1.
    """
    groups: list[dict[str, object]] = []
    for key, value in pairs:
        if key in ("vmsd_name", "version", "fields", "subsections"):
            if not groups or key in groups[-1]:
                groups.append({})
            groups[-1][key] = value
    return tuple(_vmsd(group, depth) for group in groups)


def _vmsd(group: dict[str, object], depth: int) -> Vmsd:
    name, version = group.get("vmsd_name", ""), group.get("version")
    fields, subsections = group.get("fields"), group.get("subsections", [])
    problem = None
    if depth >= DEPTH_MAX:
        fields, subsections = [], []
        problem = f"nested deeper than {DEPTH_MAX} levels"
    elif not isinstance(fields, list) or not isinstance(subsections, list):
        problem = "the description has no list of fields, or no list of subsections"
        fields = fields if isinstance(fields, list) else []
        subsections = []
    return Vmsd(
        _text(name),
        version if _is_count(version) else None,
        tuple(_field(entry, depth + 1) for entry in fields),
        tuple(vmsd(entry if isinstance(entry, tuple) else (), depth + 1) for entry in subsections),
        problem,
    )


def _field(entry: object, depth: int) -> FieldDescription:
    pairs: Object = entry if isinstance(entry, tuple) else ()
    keys = {name for name, _ in pairs}
    type_name, size = _text(get(pairs, "type")), get(pairs, "size")
    count = get(pairs, "array_len") if "array_len" in keys else 1
    nested: tuple[Vmsd, ...]
    problem = None
    if not _is_count(size) or not _is_count(count):
        problem = "the description does not say how long this is"
        size, count = 0, 1
    if STRUCTS.get(type_name):
        inside = get(pairs, "struct")
        nested = (vmsd(inside, depth),) if isinstance(inside, tuple) else ()
    else:
        nested = _groups(pairs, depth)
    each = 1 + sum(inner.weight + 4 for inner in nested)
    if type_name in WORDS:
        each += size // WORDS[type_name][1]
    return FieldDescription(
        name=_text(get(pairs, "name")),
        type=type_name,
        size=size,
        count=count,
        in_array="array_len" in keys or "index" in keys,
        nested=nested,
        problem=problem,
        weight=count * each,
    )


def _is_count(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _COUNT_END


def _text(value: object) -> str:
    """A name as printable text, also for paths: JSON can hold megabytes or half a character."""
    if not isinstance(value, str):
        return "(unnamed)"
    cut = value if len(value) <= NAME_MAX else value[:NAME_MAX] + "..."
    return cut.encode("utf-8", "backslashreplace").decode("utf-8")
