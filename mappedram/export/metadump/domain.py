"""Mask the secrets in the XML of a domain, byte by byte.

Tags and names of attributes stay, and the values that describe the machine. The text keeps its
length, and stays XML if it was.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from xml.parsers import expat

#: Replacement for a masked byte.
FILLER = b"x"

_TOKEN = re.compile(
    rb"<!--(?P<comment>.*?)-->|<!\[CDATA\[(?P<cdata>.*?)\]\]>|<\?(?P<pi>.*?)\?>"
    rb"|<(?P<tag>/?[^\s<>/!?\"']+(?:[^<>\"']|\"[^\"]*\"|'[^']*')*)>|(?P<text>[^<]+)",
    re.DOTALL,
)
_NAME = re.compile(rb"/?([^\s<>/]+)")
_ATTRIBUTE = re.compile(rb"([^\s=<>/\"']+)\s*=\s*(?:\"([^\"]*)\"|'([^']*)')", re.DOTALL)
_WORD = re.compile(rb"\S+")
_XML_DECLARATION = re.compile(rb"xml\s")

#: Attributes whose values stay: kinds, numbers and models of the hardware.
_ATTRIBUTES = frozenset(
    b"type device bus model index slot function domain controller unit target multifunction mode"
    b" policy fallback check match sockets cores threads dies clusters present state size ports"
    b" port chassis vectors queues ram vram vgamem heads primary offset tickpolicy machine arch"
    b" version placement current cpus memory managed cache io discard format eim xmlns:qemu".split()
)
#: Attributes that stay only in this element.
_ATTRIBUTES_OF = frozenset(
    (
        (b"feature", b"name"),
        (b"timer", b"name"),
        (b"driver", b"name"),
        (b"target", b"dev"),
        (b"model", b"name"),
        (b"target", b"name"),
    )
)
#: Elements whose text stays.
_TEXTS = frozenset(
    b"memory currentMemory maxMemory vcpu iothreads type on_poweroff on_reboot on_crash model"
    b" vendor".split()
)
#: Elements that are always masked completely: they hold secrets, or anything.
_SECRET = frozenset(
    b"metadata description secret auth encryption launchSecurity qemu:commandline cmdline"
    b" initarg initenv".split()
)
#: Attributes that are always masked.
_SECRET_ATTRIBUTES = frozenset(b"passwd passwdValidTo password key secret username".split())


@dataclass
class MaskedDomain:
    """A text with bytes replaced.

    Attributes:
        data: as long as before.
        hidden: number of bytes that were replaced.
    """

    data: bytes
    hidden: int


def mask(data: bytes, *, names: bool) -> MaskedDomain:
    """Mask the secrets.

    Args:
        data: XML, without a NUL at its end.
        names: keep names, UUIDs, paths and other values that are not secret.
    """
    found = bytearray(data)
    for start, end in _hidden(data, names=names):
        found[start:end] = FILLER * (end - start)
    return MaskedDomain(bytes(found), sum(a != b for a, b in zip(data, found, strict=True)))


def is_xml(data: bytes) -> bool:
    """Whether the text is XML that declares no entities."""
    parser = expat.ParserCreate("UTF-8")
    parser.StartDoctypeDeclHandler = _refuse
    try:
        parser.Parse(data, True)
    except (expat.ExpatError, ValueError):
        return False
    return True


def _refuse(*_: object) -> None:
    raise ValueError


def blank(data: bytes) -> MaskedDomain:
    """Mask a text of unknown structure completely."""
    return MaskedDomain(FILLER * len(data), len(data))


def _hidden(data: bytes, *, names: bool) -> Iterator[tuple[int, int]]:
    """The ranges to be replaced."""
    path: list[bytes] = []
    for token in _TOKEN.finditer(data):
        kind = token.lastgroup or ""
        start, end = token.span(kind)
        inside = any(name in _SECRET for name in path)
        if kind == "tag":
            name = _element(path, data[start:end])
            secret = inside or name in _SECRET
            for attribute in _ATTRIBUTE.finditer(data, start, end):
                if not _keeps(name, attribute[1], names=names) or secret:
                    yield attribute.span(2 if attribute[2] is not None else 3)
        elif kind == "pi":
            if not _XML_DECLARATION.match(data, start):
                target = _NAME.match(data, start, end)
                yield (target.end() if target else start), end
        elif kind == "text" and not inside and path and (names or path[-1] in _TEXTS):
            continue
        elif kind == "text":
            yield from (word.span() for word in _WORD.finditer(data, start, end))
        else:
            yield start, end


def _element(path: list[bytes], tag: bytes) -> bytes:
    """Name of the element of a tag; `path` is updated for the next one."""
    match = _NAME.match(tag)
    name = match[1] if match else b""
    if tag.startswith(b"/"):
        if path:
            path.pop()
    elif not tag.endswith(b"/"):
        path.append(name)
    return name


def _keeps(element: bytes, attribute: bytes, *, names: bool) -> bool:
    if attribute in _SECRET_ATTRIBUTES:
        return False
    return names or attribute in _ATTRIBUTES or (element, attribute) in _ATTRIBUTES_OF
