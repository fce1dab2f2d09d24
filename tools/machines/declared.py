"""The machine types that a C file of QEMU registers, once it has been through the preprocessor."""

import re
from collections.abc import Iterator

_SUFFIX = "-machine"
_TOKEN = re.compile(r'[{}]|"(?:[^"\\]|\\.)*"')
_STRING = re.compile(r'"([^"]*)"')
#: A constant of the type TypeInfo, or an array of them.
_TYPE_INFO = re.compile(r"\bTypeInfo\s+(\w+)\s*(?:\[\s*\]\s*)?=\s*\{")
#: Macros of QEMU that nothing has defined.
_UNEXPANDED = re.compile(r"\b(?:DEFINE_(?:\w+_)?(?:MACHINE|TYPES)\w*|MACHINE_TYPE_NAME)\b")
_NAME = re.compile(r'\.name\s*=\s*\(?\s*((?:"[^"]*"\s*)+)')
#: What is in none of the lists of QEMU: types that others derive from, and interfaces.
_UNLISTED = re.compile(r'\.abstract\s*=\s*true|\.parent\s*=\s*"interface"')
_FUNCTION = re.compile(r"\bvoid\s+\w+\(void\)\s*\{")
_REGISTERS = re.compile(r"\btype_register\w*\(\s*&?\s*(\w+)")
#: A function that leaves under conditions, one in the other.
_LEAVES = re.compile(r"((?:\bif\s*\([^{}]*\)\s*\{\s*)+)return\s*;")
_CONDITION = re.compile(r"\bif\s*\(([^{}]*)\)\s*\{")
#: Asks the environment of the process, which is taken to be empty.
_ENVIRONMENT = re.compile(r'getenv\("[^"]*"\)')
_ARITHMETIC = re.compile(r"[\d\s()+\-<>=&|]+")


def machines(text: str) -> set[str]:
    """The names of the machine types that the file registers, as `-machine help` has them.

    Raises:
        ValueError: something in it is not understood.
    """
    if _UNEXPANDED.search(text):
        raise ValueError(f"the preprocessor has left {_UNEXPANDED.findall(text)}")
    registered = dict(_registered(text))
    found = set()
    for variable, declaration in _type_infos(text):
        for name in _machine(declaration):
            if variable not in registered:
                raise ValueError(f"machine type {name} is declared and not registered")
            if registered[variable]:
                found.add(name)
    return found


def _type_infos(text: str) -> Iterator[tuple[str, str]]:
    """The name of each constant, and its text: of an array, that of each element."""
    for match in _TYPE_INFO.finditer(text):
        block = _block(text, match.end() - 1)
        for declaration in _elements(block) if "[" in match[0] else [block]:
            yield match[1], declaration


def _machine(declaration: str) -> Iterator[str]:
    found = _NAME.search(declaration)
    if found and not _UNLISTED.search(declaration):
        name = "".join(_STRING.findall(found[1]))
        if name.endswith(_SUFFIX):
            yield name.removesuffix(_SUFFIX)


def _registered(text: str) -> Iterator[tuple[str, bool]]:
    """The constants that are handed to QEMU's object model, and whether this release does it."""
    for match in _FUNCTION.finditer(text):
        body = _block(text, match.end() - 1)
        variables = _REGISTERS.findall(body)
        if variables:
            is_reached = not any(map(_holds, _LEAVES.findall(body)))
            yield from ((variable, is_reached) for variable in variables)


def _holds(conditions: str) -> bool:
    return all(map(_value, _CONDITION.findall(conditions)))


def _value(condition: str) -> bool:
    """Whether a condition holds, which has nothing but numbers in it.

    Raises:
        ValueError: there is more in it.
    """
    condition = _ENVIRONMENT.sub("0", condition)
    if not _ARITHMETIC.fullmatch(condition):
        raise ValueError(f"a machine type is registered only if {condition!r}")
    return bool(eval(condition.replace("||", " or ").replace("&&", " and ")))


def _block(text: str, start: int) -> str:
    """From a brace to the one that closes it."""
    return next(text[begin:end] for depth, begin, end in _blocks(text, start) if depth == 0)


def _elements(block: str) -> list[str]:
    """The blocks directly in a block."""
    return [block[begin:end] for depth, begin, end in _blocks(block, 0) if depth == 1]


def _blocks(text: str, start: int) -> Iterator[tuple[int, int, int]]:
    """Each block behind `start` when it closes: how deep it is, where it begins and ends."""
    begins: list[int] = []
    for token in _TOKEN.finditer(text, start):
        if token[0] == "{":
            begins.append(token.start())
        elif token[0] == "}":
            begin = begins.pop()
            yield len(begins), begin, token.end()
