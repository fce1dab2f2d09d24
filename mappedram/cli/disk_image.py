"""Output of the internal snapshots of a qcow2 image."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mappedram.cli import output
from mappedram.io.opening import is_disk_image, open_file
from mappedram.printable import printable
from mappedram.view.disk_image import clock, date, feature_names
from mappedram.view.text import size, table

if TYPE_CHECKING:
    from mappedram.io.qcow2 import InternalSnapshot, Qcow2Image


def undecided(file: str) -> "Qcow2Image | None":
    """The image, if the one snapshot with the state of a guest is not there; None otherwise.

    Its snapshots are read.

    Raises:
        MappedRamError: the image is damaged.
        OSError: the file cannot be opened or read.
    """
    with open_file(file) as source:
        if not is_disk_image(source):
            return None
        from mappedram.io.qcow2 import Qcow2Image  # most files need none of it

        image = Qcow2Image(source)
        states = sum(bool(one.vm_state_size) for one in image.snapshots)
        return None if states == 1 else image


def header_lines(
    image: "Qcow2Image", chosen: "InternalSnapshot | None"
) -> Iterator[tuple[str, str]]:
    """The image as labels and texts, for human-readable output."""
    header = image.header
    yield (
        "container",
        f"qcow2 image, version {header['version']}, clusters of {size(image.cluster_size)}, disk of"
        f" {size(header['size'])}",
    )
    if features := feature_names(image.features):
        yield "features", ", ".join(features)
    if chosen is not None:
        yield "snapshot", f"{chosen.name} (id {chosen.id}); offsets count from its beginning"
    elif any(one.vm_state_size for one in image.snapshots):
        yield "snapshot", "none chosen; --snapshot NAME or ID shows one"
    else:
        yield "snapshot", "none with the state of a guest"


def snapshot_table(image: "Qcow2Image") -> Iterator[str]:
    """The snapshots, as `qemu-img snapshot -l` lists them; times are in UTC."""
    numbers = "id vm_size vm_clock icount"
    header = ("id", "name", "vm_size", "date", "vm_clock", "icount")
    return table(header, map(_row, image.snapshots), numbers, output.width())


def _row(one: "InternalSnapshot") -> tuple[object, ...]:
    return (
        printable(one.id),
        printable(one.name),
        size(one.vm_state_size) if one.vm_state_size else None,
        date(one),
        clock(one.vm_clock_nsec),
        one.icount,
    )
