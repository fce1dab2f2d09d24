"""Compare the model of QEMU's loader with QEMU: both load mutated files.

Making mutants, running many QEMUs and publishing the results belongs here. Loading one file belongs
in `mappedram/qemu/run`, and the model in `mappedram/qemu/loader`.
"""
