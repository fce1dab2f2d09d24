"""Build a file from a snapshot and sources of pages, as QEMU's writer does.

Offsets, lengths and totals follow from the declaration in `format/file`. Converting a file belongs
in `export`, and writing a wrong file in `fuzz`.
"""

from mappedram.stream.writer.envelope import Envelope
from mappedram.stream.writer.plan import BlockSpec, LayoutPlan
from mappedram.stream.writer.snapshot_writer import SnapshotWriter, create

__all__ = ["BlockSpec", "Envelope", "LayoutPlan", "SnapshotWriter", "create"]
