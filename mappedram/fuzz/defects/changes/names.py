"""Blocks that QEMU puts into every PC, and how far it aligns pages."""

MIB = 1 << 20
RSDP = "/rom@etc/acpi/rsdp"
TABLES = "/rom@etc/acpi/tables"
LOADER = "/rom@etc/table-loader"
