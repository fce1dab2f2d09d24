"""Tests of the state of devices."""
