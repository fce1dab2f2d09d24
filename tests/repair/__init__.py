"""Repairing snapshots that are damaged in one known way."""
