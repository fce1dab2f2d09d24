"""Keep device state: the fields that the policy keeps, and all framing."""

import re
from collections import Counter
from dataclasses import dataclass, field

from mappedram.export.metadump.policy import Policy
from mappedram.export.metadump.runs import Kept
from mappedram.json_types import Json
from mappedram.stream.snapshot import OpenSnapshot
from mappedram.stream.vmstate import DeviceState, Leaf, Undecoded
from mappedram.stream.vmstate.codecs import Counted, PointerMarker, codec

_INDEX = re.compile(r"\[[0-9]+\]")


@dataclass
class DeviceSummary:
    """Summary of one device: bytes kept, and the fields left out with their bytes."""

    idstr: str
    instance_id: int
    kept: int = 0
    blanked: Counter[str] = field(default_factory=Counter)

    def to_dict(self) -> dict[str, Json]:
        """The summary for JSON."""
        return {
            "idstr": self.idstr,
            "instance_id": self.instance_id,
            "kept_bytes": self.kept,
            "blanked": dict(self.blanked),
        }


def keep_state(snapshot: OpenSnapshot, policy: Policy, kept: Kept) -> list[DeviceSummary]:
    """Keep the fields of all devices that the policy keeps, and summarise each device."""
    return [_keep_device(device, policy, kept) for device in snapshot.state]


def _keep_device(device: DeviceState, policy: Policy, kept: Kept) -> DeviceSummary:
    summary = DeviceSummary(device.idstr, device.instance_id)
    rows: Counter[str] = Counter()
    for path, leaf in device.leaves():
        rows[_INDEX.sub("[]", path)] += leaf.length
    told: dict[tuple[str, str], bool] = {}
    for path, leaf in device.leaves():
        name = _INDEX.sub("[]", path)
        # A device can have half a million values, nearly all of them in arrays.
        key = (path if policy.has_patterns else name, leaf.type)
        if key not in told:
            told[key] = policy.keeps(device.idstr, path, leaf.type, rows[name])
        if told[key] or leaf.framing or isinstance(_codec(leaf), PointerMarker):
            length = leaf.length
        else:
            length = _count_size(leaf)
            summary.blanked[name] += leaf.length - length
        kept.keep(leaf.offset, leaf.offset + length)
        summary.kept += length
    return summary


def _codec(leaf: Leaf) -> object:
    return None if isinstance(leaf.value, Undecoded) else codec(leaf.type)


def _count_size(leaf: Leaf) -> int:
    """Bytes of the count in front of a field, if it has one: it tells where the field ends."""
    known = _codec(leaf)
    return known.count_size if isinstance(known, Counted) else 0
