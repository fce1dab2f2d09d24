"""Run a real QEMU: which guest a file needs, load one file, compare the memory.

The fuzzer and the tools use it. What the model predicts belongs in `qemu/loader`.
"""
