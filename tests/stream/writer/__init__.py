"""Tests of what writes snapshots."""
