"""The state of all devices of a snapshot, with each field by name."""

from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from typing import Protocol

from mappedram.errors import BuildError, UnknownNameError
from mappedram.format.constants import SectionType
from mappedram.io.overlay import Changes
from mappedram.io.source import Source
from mappedram.io.spans import without
from mappedram.json_types import Json
from mappedram.printable import plural
from mappedram.stream.model import Section, Stream
from mappedram.stream.vmstate import description
from mappedram.stream.vmstate.codecs import RAW, codec
from mappedram.stream.vmstate.decode import DecodeBudget, decode_payload, unread
from mappedram.stream.vmstate.description import Document, Object, Vmsd
from mappedram.stream.vmstate.tree import Leaf, Node, Struct, find, leaves
from mappedram.stream.vmstate.values import Undecoded, Value, to_json

#: Limits for a whole file. A PC has some 3000 values and 300 for each further CPU; the maximum of
#: all tested machines is half a million, of raspi3b.
VALUES_MAX = 1 << 20
BYTES_MAX = 256 << 20

#: A payload that a metadump cut into more pieces is treated as unknown.
_LEFT_OUT_MAX = 1 << 20

#: Our name for the configuration, whose section has no name.
CONFIGURATION = "configuration"


class Opened(Protocol):
    """The required part of a snapshot."""

    @property
    def source(self) -> Source:
        """The open file."""

    @property
    def stream(self) -> Stream:
        """The contents of its headers."""

    @property
    def changes(self) -> Changes:
        """New values of fields."""


class DeviceState:
    """One device from its section FULL.

    A new value must take as many bytes as the old one, so that nothing else in the file moves; it
    is written when the snapshot is rebuilt or converted. QEMU derives some fields from others, and
    checks few of them when it loads a file.

    Args:
        decode: makes `root` from the bytes of the file, changes included.
        changes: receives new values.
        budget: limits the first decoding.

    Attributes:
        idstr: name of the section, such as `0000:00:01.3/piix4_pm`.
        instance_id: number among several of that name.
        section_id: number of the section; None for the configuration.
        version_id: version of the state, from the section; for the configuration, from the JSON
            text.
    """

    def __init__(
        self,
        idstr: str,
        instance_id: int,
        section_id: int | None,
        version_id: int | None,
        *,
        decode: Callable[[DecodeBudget], Struct],
        changes: Changes,
        budget: DecodeBudget,
    ) -> None:
        self.idstr = idstr
        self.instance_id = instance_id
        self.section_id = section_id
        self.version_id = version_id
        self._decode = decode
        self._changes = changes
        self._root = decode(budget)
        self._is_current = True

    @property
    def root(self) -> Struct:
        """The fields with their places in the file; offset and length are those of the payload."""
        if not self._is_current:
            self._root = self._decode(DecodeBudget(VALUES_MAX, BYTES_MAX))
            self._is_current = True
        return self._root

    def __repr__(self) -> str:
        fields = len(self.root.fields)
        return (
            f"<DeviceState {self.idstr!r}, instance {self.instance_id}: {plural(fields, 'field')}>"
        )

    @property
    def offset(self) -> int:
        """First byte of the payload."""
        return self.root.offset

    @property
    def length(self) -> int:
        """Bytes of the payload."""
        return self.root.length

    @property
    def fields(self) -> dict[str, Value]:
        """The values of the fields by name; bytes outside all fields are under `(rest)`."""
        return {name: node.value for name, node in self.root.fields.items()}

    @property
    def subsections(self) -> dict[str, dict[str, Value]]:
        """The values of the subsections by name."""
        return {name: node.value for name, node in self.root.subsections.items()}

    def __getitem__(self, path: str) -> Value:
        """The value at a path such as `env.segs[1].selector`; `tree` describes the notation.

        `LeftOut()` is a value that a metadump does not have.

        Raises:
            UnknownNameError: there is no such path.
        """
        return self.find(path).value

    def __setitem__(self, path: str, value: object) -> None:
        """Set the field at `path`, for files written from this snapshot. Raises as `encode`."""
        self._changes.put(*self.encode(path, value))
        self._is_current = False

    def __contains__(self, path: object) -> bool:
        return isinstance(path, str) and find(self.root, path) is not None

    def get(self, path: str, default: Value = None) -> Value:
        """The value at a path, or `default` if there is none."""
        node = find(self.root, path)
        return default if node is None else node.value

    def find(self, path: str) -> Node:
        """The node at a path, with its place in the file. Raises as `[]` does."""
        return self._find(self.root, path)

    def _find(self, root: Struct, path: str) -> Node:
        node = find(root, path)
        if node is None:
            what = f"field of {self.idstr!r}, instance {self.instance_id},"
            raise UnknownNameError(what, path, root.fields)
        return node

    def leaves(self) -> Iterator[tuple[str, Leaf]]:
        """All leaves with their paths, in the order of the file; they cover the whole payload."""
        return leaves(self.root)

    def encode(self, path: str, value: object) -> tuple[int, bytes]:
        """Offset and bytes that set the field at `path` to `value`.

        Args:
            path: path of one value, not of an array or struct.
            value: as `[]` returns it, or as in JSON; bytes for an undecodable field.

        Raises:
            UnknownNameError: there is no such path.
            BuildError: the field cannot hold the value.
        """
        name = f"{self.idstr}: {path}"
        node = self._find(self._root, path)  # the place of a field does not depend on values
        if not isinstance(node, Leaf):
            raise BuildError(f"{name}: has several values; name one of them")
        known = RAW if isinstance(node.value, Undecoded) else codec(node.type)
        try:
            return node.offset, known.encode(value, node.length)
        except BuildError as error:
            raise BuildError(f"{name}: {error}") from None

    def to_json(self) -> dict[str, Json]:
        """The device as a JSON value."""
        return {
            "idstr": self.idstr,
            "instance_id": self.instance_id,
            "section_id": self.section_id,
            "version_id": self.version_id,
            "offset": self.offset,
            "length": self.length,
            "fields": to_json(self.fields),
            "subsections": to_json({**self.subsections}),
        }


class DeviceStates:
    """The devices of a snapshot in the order of the file.

    Attributes:
        configuration: the machine's configuration, which precedes all devices; None if the file has
            none. The JSON text describes its fields since QEMU 8.2.
        problem: why no device could be decoded; None if there is a JSON text.
    """

    def __init__(
        self,
        devices: tuple[DeviceState, ...],
        configuration: DeviceState | None = None,
        problem: str | None = None,
    ) -> None:
        self._devices = devices
        self.configuration = configuration
        self.problem = problem
        places = [configuration, *devices] if configuration else devices
        self._by_name = {(one.idstr, one.instance_id): one for one in reversed(places)}

    def __repr__(self) -> str:
        return f"<DeviceStates: {plural(len(self), 'device')}>"

    def __iter__(self) -> Iterator[DeviceState]:
        return iter(self._devices)

    def __len__(self) -> int:
        return len(self._devices)

    def __getitem__(self, key: str | tuple[str, int]) -> DeviceState:
        """A device by `idstr` and `instance_id`, which is 0 if not given.

        The configuration is included as `configuration`. Of several with one name, this is the
        first.

        Raises:
            UnknownNameError: there is no such device.
        """
        asked = (key, 0) if isinstance(key, str) else key
        if asked not in self._by_name:
            known = (name if not instance else (name, instance) for name, instance in self._by_name)
            raise UnknownNameError("device", key, known)
        return self._by_name[asked]

    def __contains__(self, key: object) -> bool:
        return ((key, 0) if isinstance(key, str) else key) in self._by_name

    def to_json(self) -> dict[str, Json]:
        """All devices as a JSON value."""
        return {
            "configuration": self.configuration.to_json() if self.configuration else None,
            "devices": [device.to_json() for device in self],
            "problem": self.problem,
        }


def decode(snapshot: Opened, *, values_max: int = VALUES_MAX) -> DeviceStates:
    """Decode the state of all devices, as the JSON text at the end of the file describes it.

    The text only describes sections of type FULL; RAM and other live devices are left out. Values
    that cannot be decoded are `Undecoded`, with the reason.

    Args:
        snapshot: an open snapshot, such as `mappedram.open` returns.
        values_max: maximum number of values decoded from a file; the rest stays `Undecoded`.

    Raises:
        OSError: the file cannot be read.
    """
    source, stream = snapshot.source, snapshot.stream
    text = stream.vmdescription
    document, problem = None, "the file has no JSON description of its devices"
    if text is not None:
        problem = f"the JSON description cannot be used: {text.problem}"
    if text is not None and text.document is not None:
        # Read again, because the reader's parsed document has lost repeated keys.
        document = description.load(source.read(text.offset, text.length))
    decoder = _Decoder(snapshot, document, problem, DecodeBudget(values_max, BYTES_MAX))
    devices = tuple(
        decoder.device(section) for section in stream.sections if section.type == SectionType.FULL
    )
    return DeviceStates(devices, decoder.configuration(stream), None if document else problem)


class _Decoder:
    """Descriptions waiting for their devices: of several with one name, each is used once."""

    def __init__(
        self, snapshot: Opened, document: Document | None, problem: str, budget: DecodeBudget
    ) -> None:
        self.source = snapshot.source
        self.changes = snapshot.changes
        self.budget = budget
        self.problem = "the JSON description does not list the device" if document else problem
        self.document = document
        self.waiting: dict[tuple[str, int], deque[Object]] = {}
        for idstr, instance_id, pairs in document.devices if document else ():
            self.waiting.setdefault((idstr, instance_id), deque()).append(pairs)

    def device(self, section: Section) -> DeviceState:
        idstr, instance_id = section.idstr or "", section.instance_id or 0
        waiting = self.waiting.get((idstr, instance_id))
        vmsd = description.vmsd(waiting.popleft()) if waiting else self.missing()
        return DeviceState(
            idstr,
            instance_id,
            section.section_id,
            section.version_id,
            decode=partial(self.decode, section.payload_offset, section.payload_length, vmsd),
            changes=self.changes,
            budget=self.budget,
        )

    def configuration(self, stream: Stream) -> DeviceState | None:
        """Source: QEMU migration/savevm.c, vmstate_configuration."""
        parts = [part for part in stream.elements if part.path.startswith("/configuration/")]
        if not parts:
            return None
        offset = parts[0].offset + 1  # after the type byte of the section
        pairs = self.document.configuration if self.document else None
        vmsd = description.vmsd(pairs) if pairs is not None else self.missing()
        return DeviceState(
            CONFIGURATION,
            0,
            None,
            vmsd.version,
            decode=partial(self.decode, offset, parts[-1].end - offset, vmsd),
            changes=self.changes,
            budget=self.budget,
        )

    def missing(self) -> Vmsd:
        return Vmsd("", None, (), (), self.problem)

    def decode(self, offset: int, length: int, vmsd: Vmsd, budget: DecodeBudget) -> Struct:
        if length > budget.bytes:
            return unread(offset, length)
        budget.bytes -= length
        data = self.changes.over(self.source.read(offset, length), offset)
        left_out = without(self.source.left_out(offset, offset + length), self.changes.spans())
        unknown = tuple(islice(left_out, _LEFT_OUT_MAX + 1))
        if len(unknown) > _LEFT_OUT_MAX:
            unknown = ((offset, offset + length),)
        return decode_payload(data, offset, vmsd, budget, unknown)
