"""Facts from the XML of a domain that this package shows."""

from collections.abc import Mapping
from dataclasses import dataclass
from xml.parsers import expat

#: Maximum length of a text that libvirt accepts from a client. Source: libvirt
#: src/remote/remote_protocol.x.
TEXT_MAX = 4 << 20
#: Maximum length of a domain's name; text after that is dropped.
_NAME_MAX = 4096


@dataclass(frozen=True, slots=True)
class Domain:
    """A domain of libvirt. Values missing in the XML are None."""

    name: str | None
    uuid: str | None
    machine: str | None
    arch: str | None


def describe(xml: str) -> Domain | None:
    """Parse the XML of a domain; None if it is not one.

    No tree is built, and entity declarations are refused. So time and memory are proportional to
    the length of the text.
    """
    if len(xml) > TEXT_MAX:
        return None
    handler = _Handler()
    parser = expat.ParserCreate("UTF-8")
    parser.buffer_text = True
    parser.StartElementHandler = handler.start
    parser.EndElementHandler = handler.end
    parser.CharacterDataHandler = handler.text
    parser.StartDoctypeDeclHandler = handler.doctype
    try:
        parser.Parse(xml.encode("utf-8", "surrogateescape"), True)
    except (expat.ExpatError, _NotADomainError):
        return None
    found, os_type = handler.found, handler.os_type
    return Domain(found.get("name"), found.get("uuid"), os_type.get("machine"), os_type.get("arch"))


class _NotADomainError(Exception):
    """The text is XML, but not of a domain."""


class _Handler:
    """Collects the text of elements below the root, and the attributes of `os/type`."""

    def __init__(self) -> None:
        self.found: dict[str, str] = {}
        self.os_type: Mapping[str, str] = {}
        self._path: list[str] = []

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        self._path.append(name)
        if self._path[0] != "domain":
            raise _NotADomainError
        if self._path == ["domain", "os", "type"]:
            self.os_type = attributes

    def end(self, _: str) -> None:
        self._path.pop()

    def text(self, data: str) -> None:
        if self._path in (["domain", "name"], ["domain", "uuid"]):
            known = self.found.get(self._path[-1], "")
            self.found[self._path[-1]] = (known + data)[:_NAME_MAX]

    def doctype(self, *_: object) -> None:
        raise _NotADomainError
