"""What the XML of a domain says, as far as anybody wants to see it here."""

from collections.abc import Mapping
from dataclasses import dataclass
from xml.parsers import expat

#: libvirt itself takes no longer text from a client. Source: src/remote/remote_protocol.x.
TEXT_MAX = 4 << 20
#: What follows a name here is kept; a name that is longer is nobody's.
_NAME_MAX = 4096


@dataclass(frozen=True, slots=True)
class Domain:
    """A domain of libvirt. What its XML does not say is None."""

    name: str | None
    uuid: str | None
    machine: str | None
    arch: str | None


def describe(xml: str) -> Domain | None:
    """What the XML of a domain says; None where it is not that.

    No tree is built, and a text that declares entities is refused, so that no text can take more
    time or memory than its length.
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
    """The text is XML, but of something else."""


class _Handler:
    """Notes texts right below the root, and the attributes of `os/type`."""

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
