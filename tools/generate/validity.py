"""Rules of `spec/*.ksy` for the values of fields, as `mappedram.format` declares them."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from mappedram.format.typed import Params
from mappedram.format.validity import (
    AtLeast,
    AtMost,
    Between,
    Equals,
    Masked,
    OneOf,
    Scalar,
    Validity,
)
from tools.generate import ksy
from tools.generate.expressions import compiled, signed

#: All numbers below this are tried to find the bits of a mask.
_LOW = 1 << 11
#: Higher bits, which must not affect a rule about the low ones.
_HIGH = (0, _LOW, _LOW * 5, 1 << 32, 1 << 63, (1 << 64) - _LOW)
_BITS = 64

#: Prefix of rules that only hold if the place in the file is known.
_OF_THE_FILE = re.compile(r"len_file == 0 or ")
_FLAGS = re.compile(r"_ != 0 and \(?([^()]+)\)?")
_TERM = re.compile(r"(\w+) == (0x[0-9a-f]+|\d+)")
_COMPARISON = re.compile(r"_ (<=|>=|<|>|==) (.+)", re.DOTALL)


def specified(node: Mapping[str, Any], name: str, params: Params) -> Validity | None:
    """The exact rule of a field; None if any value is permitted.

    A rule about the place in the file is not included: the stream parser has it.

    Args:
        node: the type in a `.ksy`, as YAML.
        name: the field, by its id, or by its name if it is split into parts.
        params: parameters of the type, which the rule may depend on.

    Raises:
        ValueError: the rule is of an unknown kind.
    """
    entries = _entries(node, name)
    if "-part-of" in entries[0]:
        return _joined(entries, node, params)
    return _of_entry(entries[0], node, params)


def is_ruled(node: Mapping[str, Any], name: str) -> bool:
    """Whether a field has a rule that does not depend on the place of the structure."""
    return any(map(_is_ruled, _entries(node, name)))


def of_the_file(node: Mapping[str, Any]) -> list[str]:
    """Fields of a type with a rule about the place in the file."""
    return [entry["id"] for entry in node["seq"] if _is_of_the_file(entry)]


def _entries(node: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    return next(entries for found, entries in ksy.groups(node["seq"]) if found == name)


def _is_ruled(entry: Mapping[str, Any]) -> bool:
    return not {"contents", "valid"}.isdisjoint(entry) and not _is_of_the_file(entry)


def _is_of_the_file(entry: Mapping[str, Any]) -> bool:
    valid = entry.get("valid")
    return isinstance(valid, dict) and bool(_OF_THE_FILE.match(valid.get("expr", "")))


def _of_entry(entry: Mapping[str, Any], node: Mapping[str, Any], params: Params) -> Validity | None:
    if not _is_ruled(entry):
        return None
    if "contents" in entry:
        raw = entry["contents"]
        return Equals(raw.encode("latin-1") if isinstance(raw, str) else bytes(raw))
    valid = entry["valid"]
    if not isinstance(valid, dict):
        return Equals(_constant(valid))
    if "expr" in valid:
        return _expression(valid["expr"], node, entry["id"], params)
    if kind := _KINDS.get(tuple(sorted(valid))):
        return kind(valid)
    raise ValueError(f"{entry['id']}: valid: {valid!r}: not known here")


def _joined(
    entries: list[dict[str, Any]], node: Mapping[str, Any], params: Params
) -> Masked | None:
    """The rule of a number that is split into parts: the bits that they fix."""
    mask, values = 0, [0]
    for entry in entries:
        bits = ksy.bits_of(entry["type"])
        rule = _of_entry(entry, node, params)
        held = rule.canonical() if rule else OneOf((0,))
        if not isinstance(held, OneOf):
            raise ValueError(f"{entry['id']}: valid: {entry['valid']!r}: not known here in a part")
        mask = mask << bits | ((1 << bits) - 1 if rule else 0)
        values = [
            value << bits | number
            for value in values
            for number in held.values
            if isinstance(number, int)
        ]
    return Masked(mask, tuple(values)) if mask else None


def _constant(value: Any) -> Scalar:
    """A constant of a `.ksy`: a number, a quoted text, or a name of an enumeration."""
    if isinstance(value, int):
        return value
    text = str(value).strip()
    if "::" in text:
        *_, enum, name = text.split("::")
        return next(number for number, known in _enum(enum).items() if known["id"] == name)
    if re.fullmatch(r'"[^"]*"', text):
        return text[1:-1]
    raise ValueError(f"{value!r}: not a constant")


def _enum(name: str) -> Mapping[int, Mapping[str, Any]]:
    documents = map(ksy.load, ksy.sources())
    found: Mapping[int, Mapping[str, Any]] = next(
        document["enums"][name] for document in documents if name in document.get("enums", {})
    )
    return found


#: Rules by the keys below `valid`.
_KINDS: dict[tuple[str, ...], Callable[[dict[str, Any]], Validity]] = {
    ("eq",): lambda valid: Equals(_constant(valid["eq"])),
    ("any-of",): lambda valid: OneOf(tuple(map(_constant, valid["any-of"]))),
    ("min",): lambda valid: AtLeast(valid["min"]),
    ("max",): lambda valid: AtMost(valid["max"]),
    ("max", "min"): lambda valid: Between(valid["min"], valid["max"]),
}
#: Rules by the operator between the field and a number.
_COMPARED: dict[str, Callable[[int], Validity]] = {
    "<=": AtMost,
    "<": lambda bound: AtMost(bound - 1),
    ">=": AtLeast,
    ">": lambda bound: AtLeast(bound + 1),
    "==": Equals,
}


def _expression(text: str, node: Mapping[str, Any], ksy_id: str, params: Params) -> Validity:
    instances = {
        name: str(entry["value"])
        for name, entry in node.get("instances", {}).items()
        if "value" in entry
    }
    if comparison := _COMPARISON.fullmatch(text.strip()):
        operator, other = comparison.groups()
        bounds = {
            compiled(other, {}, params, is_signed=is_signed)(*params.values())
            for is_signed in (True, False)
        }
        (bound,) = bounds
        return _COMPARED[operator](bound)
    # The code for Go only compiles if an expression about the value comes first.
    flags = _FLAGS.fullmatch(" ".join(text.split()))
    terms = [_TERM.fullmatch(term) for term in flags[1].split(" or ")] if flags else []
    matches = [term for term in terms if term]
    names = {match[1] for match in matches}
    if len(names) != 1 or len(matches) != len(terms):
        raise ValueError(f"{ksy_id}: valid: {text!r}: not known here")
    mask = _mask(instances, names.pop(), ksy_id, params)
    return Masked(mask, tuple(int(match[2], 0) for match in matches))


def _mask(instances: Mapping[str, str], name: str, ksy_id: str, params: Params) -> int:
    """The bits of a field that an instance selects; verified by trying numbers."""
    exact, with_sign = (
        compiled(name, instances, (ksy_id, *params), is_signed=is_signed)
        for is_signed in (False, True)
    )
    given = tuple(params.values())
    bits = (1 << bit for bit in range(_BITS))
    mask = sum(bit for bit in bits if exact(bit, *given))
    for value in (high | low for high in _HIGH for low in range(_LOW)):
        found = exact(value, *given), with_sign(signed(value), *given)
        if found != (value & mask, value & mask):
            raise ValueError(f"{ksy_id}: {name} of {value:#x}: not some bits of it")
    return mask
