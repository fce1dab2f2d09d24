"""Any supported file -> `mappedram.stream.model.Stream`. Lenient: it stops only where it has to."""

from mappedram.stream.reader.parser import read_stream, read_values
from mappedram.stream.reader.records import PageTaker

__all__ = ["PageTaker", "read_stream", "read_values"]
