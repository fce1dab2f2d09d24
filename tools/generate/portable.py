"""Check that all verified languages compute the expressions in `spec/*.ksy` alike.

Each rule avoids a trap of kaitai-struct-compiler 0.11; docs/languages.md describes them.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from tools.generate import ksy

#: Keys of attributes and instances that hold expressions.
EXPRESSIONS = ("value", "pos", "size", "if", "repeat-expr", "repeat-until", "type")
_NUMBER = r"(?:0x[0-9a-fA-F]+|\b\d+)"
_CAST = re.compile(r"\.as<(u8|u4|u2|u1)>$")


@dataclass(frozen=True)
class Attribute:
    """One entry of `seq` or `instances`: its place, and its keys."""

    place: str
    is_instance: bool
    keys: dict[str, Any]

    def expressions(self) -> Iterator[str]:
        """All expressions in it."""
        for key in EXPRESSIONS:
            value = self.keys.get(key)
            if key == "type" and isinstance(value, str):
                yield from re.findall(r"\((.*)\)", value, re.DOTALL)
            elif isinstance(value, str):
                yield value
        valid = self.keys.get("valid")
        if isinstance(valid, dict) and "expr" in valid:
            yield valid["expr"]


def attributes(document: dict[str, Any], place: str = "") -> Iterator[Attribute]:
    """The entries of a `.ksy` and of its types."""
    for entry in document.get("seq", []):
        yield Attribute(f"{place}/{entry['id']}", False, entry)
    for name, entry in document.get("instances", {}).items():
        yield Attribute(f"{place}/{name}", True, entry)
    for name, child in document.get("types", {}).items():
        yield from attributes(child, f"{place}/{name}")


def _uses(pattern: str) -> Callable[[Attribute], bool]:
    return lambda entry: any(re.search(pattern, text) for text in entry.expressions())


def _wide_bits(entry: Attribute) -> bool:
    """Bits of a number, unless its name says that it has 8 or 16 bits."""
    texts = " ".join(entry.expressions())
    names = re.findall(r"(\w+)\s*[&|^]|(?:<<|>>)", re.sub(r"\b(and|or)\b", "", texts))
    return any(name not in NARROW for name in names)


def _uncast_arithmetic(entry: Attribute) -> bool:
    value = str(entry.keys.get("value", ""))
    return bool(re.search(r"[-+*/]", re.sub(r'"[^"]*"', "", value))) and not _CAST.search(
        value.strip()
    )


def _uncast_choice(entry: Attribute) -> bool:
    return any(
        re.search(rf"[?:]\s*{_NUMBER}(?![\w.])", re.sub(r"\w+::\w+(::\w+)?", "", text))
        for text in entry.expressions()
    )


def _large_number(entry: Attribute) -> bool:
    def numbers(value: Any) -> Iterator[int]:
        if isinstance(value, int):
            yield value
        members = list(value.values()) if isinstance(value, dict) else value
        for member in members if isinstance(members, list) else ():
            yield from numbers(member)

    return any(number >= 1 << 53 for number in numbers(entry.keys))


#: Numbers of at most 16 bits, which permit bit operations.
NARROW = {"chunk_flags"}

#: Description of a defect -> whether an attribute has it.
RULES: dict[str, Callable[[Attribute], bool]] = {
    "`%` works on 32 bits in C++": _uses("%"),
    "`&`, `|`, `^`, `<<` and `>>` work on 32 bits in JavaScript": _wide_bits,
    "a value that is computed has 32 bits in C++, Java and Go unless it ends in a cast": (
        _uncast_arithmetic
    ),
    "a number to choose from has 8 bits in Go unless it is cast": _uncast_choice,
    "the size of a stream has a sign in Go and Java unless it is cast": _uses(
        r"_io\.size(?!\.as<u8>)"
    ),
    "`_index` begins at 1 in Go where the end is an `until`": lambda entry: (
        entry.keys.get("repeat") == "until" and _uses(r"\b_index\b")(entry)
    ),
    "an instance with an enumeration does not compile in Go": lambda entry: (
        entry.is_instance and "enum" in entry.keys
    ),
    "an expression that does not use `_` does not compile in Go": lambda entry: (
        isinstance(entry.keys.get("valid"), dict)
        and not re.search(r"(?<!\w)_(?!\w)", entry.keys["valid"].get("expr", "_"))
    ),
    "integers from 2^53 on are rounded when the compiler is the one of npm": _large_number,
}


def problems(document: dict[str, Any]) -> list[str]:
    """Defects of a `.ksy`: the place, and the rule."""
    return [
        f"{entry.place}: {rule}"
        for entry in attributes(document)
        for rule, broken in RULES.items()
        if broken(entry)
    ]


def lint() -> list[str]:
    """Defects of the spec."""
    return [
        f"{source.name}{problem}"
        for source in ksy.sources()
        for problem in problems(ksy.load(source))
    ]
