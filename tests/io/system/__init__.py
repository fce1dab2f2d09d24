"""Tests of what the system answers, made up and on real file systems and devices."""
