"""Snapshot + page sources -> file: what QEMU's writer does."""

from mappedram.writer.envelope import Envelope
from mappedram.writer.plan import BlockSpec, Plan
from mappedram.writer.snapshot_writer import SnapshotWriter, create

__all__ = ["BlockSpec", "Envelope", "Plan", "SnapshotWriter", "create"]
