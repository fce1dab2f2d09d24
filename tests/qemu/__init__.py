"""Tests with a real QEMU, where there is one."""
