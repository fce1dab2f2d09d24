"""The model of QEMU's loader: alone, and against QEMU."""
