"""Any supported file -> `mappedram.model.Stream`. Lenient: it stops only where it has to."""

from mappedram.reader.records import PageTaker
from mappedram.reader.walk import read_stream, read_values

__all__ = ["PageTaker", "read_stream", "read_values"]
