"""A real QEMU as a process: which guests it is given, one file loaded, the memory compared."""
