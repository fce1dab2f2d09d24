"""The internal snapshots of a qcow2 image, for people and for programs."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from mappedram.io.source import DerivedSource, Source
from mappedram.json_types import Json

if TYPE_CHECKING:
    from mappedram.format.foreign.qcow2 import IncompatibleFeature
    from mappedram.io.qcow2 import InternalSnapshot, Qcow2Image

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND, _MILLISECOND = 10**9, 10**6


def image_of(source: Source) -> "tuple[Qcow2Image, InternalSnapshot] | None":
    """The image that a snapshot is read from, and its entry there; None for any other file."""
    if not isinstance(source, DerivedSource):
        return None
    from mappedram.io.qcow2 import VmStateSource  # most files need none of it

    return (source.image, source.snapshot) if isinstance(source, VmStateSource) else None


def image_as_dict(image: "Qcow2Image", chosen: "InternalSnapshot | None") -> dict[str, Json]:
    """The image for JSON; `snapshot` is the index of the one that is read."""
    header = image.header
    return {
        "version": header["version"],
        "cluster_size": image.cluster_size,
        "disk_size": header["size"],
        "features": feature_names(image.features),
        "snapshot": None if chosen is None else chosen.index,
        "snapshots": [_snapshot_as_dict(one) for one in image.snapshots],
    }


def _snapshot_as_dict(one: "InternalSnapshot") -> dict[str, Json]:
    return {
        "id": one.id,
        "name": one.name,
        "vm_state_size": one.vm_state_size,
        "date_sec": one.date_sec,
        "date_nsec": one.date_nsec,
        "vm_clock_nsec": one.vm_clock_nsec,
        "icount": one.icount,
        "disk_size": one.disk_size,
    }


def feature_names(features: "IncompatibleFeature") -> list[str]:
    """The features by QEMU's names, in small letters."""
    return [str(one.name).lower() for one in features]


def date(one: "InternalSnapshot") -> str:
    """Time of a snapshot, to the second, in UTC."""
    moment = _EPOCH + timedelta(seconds=one.date_sec)
    return f"{moment:%Y-%m-%d %H:%M:%S}Z"


def clock(nanoseconds: int) -> str:
    """Hours, minutes, seconds and milliseconds."""
    seconds, rest = divmod(nanoseconds, _SECOND)
    minutes, second = divmod(seconds, 60)
    hour, minute = divmod(minutes, 60)
    return f"{hour:02}:{minute:02}:{second:02}.{rest // _MILLISECOND:03}"
