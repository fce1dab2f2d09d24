"""Find the machine types that a preprocessed C file of QEMU registers."""

import re
from collections.abc import Iterator

_SUFFIX = "-machine"
_TOKEN = re.compile(r'[{}]|"(?:[^"\\]|\\.)*"')
_STRING = re.compile(r'"([^"]*)"')
#: A constant of the type TypeInfo, or an array of them.
_TYPE_INFO = re.compile(r"\bTypeInfo\s+(\w+)\s*(?:\[\s*\]\s*)?=\s*\{")
#: Macros of QEMU without a definition.
_UNEXPANDED = re.compile(r"\b(?:DEFINE_(?:\w+_)?(?:MACHINE|TYPES)\w*|MACHINE_TYPE_NAME)\b")
_NAME = re.compile(r'\.name\s*=\s*\(?\s*((?:"[^"]*"\s*)+)')
#: Types that QEMU does not list: abstract base types, and interfaces.
_UNLISTED = re.compile(r'\.abstract\s*=\s*true|\.parent\s*=\s*"interface"')
_FUNCTION = re.compile(r"\bvoid\s+\w+\(void\)\s*\{")
_REGISTERS = re.compile(r"\btype_register\w*\(\s*&?\s*(\w+)")
#: A function that returns early under nested conditions.
_LEAVES = re.compile(r"((?:\bif\s*\([^{}]*\)\s*\{\s*)+)return\s*;")
_CONDITION = re.compile(r"\bif\s*\(([^{}]*)\)\s*\{")
#: Reads the environment of the process, which is assumed to be empty.
_ENVIRONMENT = re.compile(r'getenv\("[^"]*"\)')
_ARITHMETIC = re.compile(r"[\d\s()+\-<>=&|]+")


def machines(text: str) -> set[str]:
    """The names of the machine types that the file registers, as `-machine help` lists them.

    Raises:
        ValueError: it has an unknown construct.
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
    """The name of each constant, and its text; for an array, that of each element."""
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
    """The constants registered in QEMU's object model, and whether this release registers them."""
    for match in _FUNCTION.finditer(text):
        body = _block(text, match.end() - 1)
        variables = _REGISTERS.findall(body)
        if variables:
            is_reached = not any(map(_holds, _LEAVES.findall(body)))
            yield from ((variable, is_reached) for variable in variables)


def _holds(conditions: str) -> bool:
    return all(map(_value, _CONDITION.findall(conditions)))


def _value(condition: str) -> bool:
    """Value of a condition of numbers.

    Raises:
        ValueError: it has anything else.
    """
    condition = _ENVIRONMENT.sub("0", condition)
    if not _ARITHMETIC.fullmatch(condition):
        raise ValueError(f"a machine type is registered only if {condition!r}")
    return bool(eval(condition.replace("||", " or ").replace("&&", " and ")))


def _block(text: str, start: int) -> str:
    """A block from its opening brace to its closing one."""
    return next(text[begin:end] for depth, begin, end in _blocks(text, start) if depth == 0)


def _elements(block: str) -> list[str]:
    """The blocks directly inside a block."""
    return [block[begin:end] for depth, begin, end in _blocks(block, 0) if depth == 1]


def _blocks(text: str, start: int) -> Iterator[tuple[int, int, int]]:
    """Each block behind `start` at its end: depth, start and end."""
    begins: list[int] = []
    for token in _TOKEN.finditer(text, start):
        if token[0] == "{":
            begins.append(token.start())
        elif token[0] == "}":
            begin = begins.pop()
            yield len(begins), begin, token.end()
