"""Parse any supported file into `mappedram.stream.model.Stream`.

The reader is lenient: it stops only where the place of the next byte is unknown, and keeps
everything before it. Permitted values belong in `check`, and the order of structures in
`format/file`.
"""

from mappedram.stream.reader.parser import read_values
from mappedram.stream.reader.read import read_stream
from mappedram.stream.reader.records import PageTaker

__all__ = ["PageTaker", "read_stream", "read_values"]
