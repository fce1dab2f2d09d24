"""Parse -> build: a file written again from its regions, structure by structure.

The structures are built from their values by a driver; bitmaps, pages, payloads and what lies
between are copied, and holes stay holes. Fields of devices have the values they were given.
"""

from mappedram import system
from mappedram.drivers.base import Driver
from mappedram.pageio import Target, copy_data
from mappedram.snapshot import Snapshot


def rebuild(snapshot: Snapshot, target: int, driver: Driver | None = None) -> None:
    """Write the file of `snapshot` again, into the empty file open as `target`.

    Args:
        snapshot: what to write.
        target: descriptor of an empty seekable file, open for writing.
        driver: what builds the structures; the one that read them, if not given.

    Raises:
        BuildError: a structure cannot be built.
        TruncatedError: the source has shrunk meanwhile.
        OSError: reading or writing failed.
    """
    driver = driver or snapshot.driver
    system.begin(target, 0, snapshot.stream.file_size, snapshot.source.fd)
    for region in snapshot.regions():
        if region.element:
            element = region.element
            data = driver.build(element.kind, dict(element.values), dict(element.params))
            system.write(target, data, region.offset)
        else:
            copy_data(snapshot.source, region.offset, region.end, Target(target))
    system.end_at(target, snapshot.stream.file_size)
    for offset, data in snapshot.changes:
        system.write(target, data, offset)
