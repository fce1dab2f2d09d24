"""Comparing snapshots."""
