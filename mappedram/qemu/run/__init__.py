"""Run a real QEMU: choose a guest for a file, load the file, compare the memory.

The fuzzer and the tools use it. The model that predicts results belongs in `qemu/loader`.
"""
