"""A lean replacement for Construct's `Struct` and the context of its members.

A file has thousands of structures, each with members. Most of Construct's own context is never used
here, and making it takes longer than everything else. Facts about the members are computed once per
declaration, not for each file.
"""

from collections.abc import Callable, Mapping
from typing import Any

import construct
from construct import Construct, Renamed

#: Functions that parse and build a construct.
Parse = Callable[[Any, Any, str], Any]
_Build = Callable[[Any, Any, Any, str], Any]

_NOTHING: Mapping[str, Any] = {}


class NestedContext(dict[str, Any]):
    """Values parsed or built so far of a `LeanStruct`, by name and as attributes.

    Attributes:
        _io: the stream that is parsed or built.
        _: the enclosing context; None in the outermost one.
        _params: the outermost context, which holds the parameters.
        _index: number of the item in an array; None elsewhere.
    """

    __slots__ = ("_", "_index", "_io", "_params")
    _io: Any
    _: Any
    _params: Any
    _index: int | None

    def __init__(self, stream: Any, around: Any = None) -> None:
        self._io = stream
        self._ = around
        if around is None:
            self._params, self._index = self, None
            return
        self._params = around._params
        try:
            self._index = around._index
        except AttributeError:  # a context of Construct itself
            self._index = None

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None

    def __missing__(self, name: str) -> Any:
        if name == "_params":  # for `this._params`
            return self._params
        raise KeyError(name)


class FieldMember(Renamed):
    """Named member; `step` is what it adds to the path of its owner."""

    def __init__(self, subcon: Construct, name: str, step: str, docs: str = "") -> None:
        super().__init__(subcon, newname=name, newdocs=docs)
        self.step = step

    def _parse(self, stream: Any, context: Any, path: str) -> Any:
        return self.subcon._parsereport(stream, context, path + self.step)

    def _build(self, obj: Any, stream: Any, context: Any, path: str) -> Any:
        return self.subcon._build(obj, stream, context, path + self.step)


class LeanStruct(construct.Struct):
    """Consecutive members: parsed to a `NestedContext`, built from values by name."""

    def __init__(self, *subcons: Construct) -> None:
        super().__init__(*subcons)
        self._parsers = [_parser(member) for member in self.subcons]
        self._builders = [_builder(member) for member in self.subcons]

    def _parse(self, stream: Any, context: Any, path: str) -> NestedContext:
        inside = NestedContext(stream, context)
        for name, step, parse in self._parsers:
            value = parse(stream, inside, path + step)
            if name is not None:
                inside[name] = value
        return inside

    def _build(self, obj: Any, stream: Any, context: Any, path: str) -> NestedContext:
        given = _NOTHING if obj is None else obj
        inside = NestedContext(stream, context)
        inside.update(given)
        for name, step, optional, build in self._builders:
            if name is None:
                build(None, stream, inside, path + step)
                continue
            value = given.get(name) if optional else given[name]
            inside[name] = value
            inside[name] = build(value, stream, inside, path + step)
        return inside

    def size(self, values: Mapping[str, object], params: Mapping[str, int]) -> int:
        """Size in bytes of a structure with these values; its members must have fixed sizes.

        Raises:
            SizeofError: a member has no fixed size.
        """
        around = NestedContext(None)
        around.update(params)
        inside = NestedContext(None, around)
        inside.update(values)
        return sum(member._sizeof(inside, "") for member in self.subcons)

    def _sizeof(self, context: Any, path: str) -> int:
        inside = NestedContext(None, context)
        return sum(member._sizeof(inside, path) for member in self.subcons)


def parse_of(subcon: Construct) -> Parse:
    """Parse function of a construct, without the wrappers that only matter for error reports."""
    parse: Parse = subcon._parse if subcon.parsed is None else subcon._parsereport
    return parse


def _parser(member: Construct) -> tuple[str | None, str, Parse]:
    """Name, step and parse function of a member."""
    if type(member)._parse is FieldMember._parse:
        return member.name, member.step, parse_of(member.subcon)
    return member.name, "", parse_of(member)


def _builder(member: Construct) -> tuple[str | None, str, bool, _Build]:
    """Name, step, whether it is built even from None, and build function of a member."""
    if type(member)._build is FieldMember._build:
        return member.name, member.step, member.flagbuildnone, member.subcon._build
    return member.name, "", member.flagbuildnone, member._build
