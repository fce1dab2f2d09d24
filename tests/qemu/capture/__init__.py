"""Snapshots of a guest that runs here and now."""
