"""Any supported file -> `mappedram.model.Stream`. Lenient: it stops only where it has to."""

from mappedram.reader.walk import read_stream

__all__ = ["read_stream"]
