"""Snapshot + page sources -> file: what QEMU's writer does."""

from mappedram.stream.writer.envelope import Envelope
from mappedram.stream.writer.plan import BlockSpec, Plan
from mappedram.stream.writer.snapshot_writer import SnapshotWriter, create

__all__ = ["BlockSpec", "Envelope", "Plan", "SnapshotWriter", "create"]
