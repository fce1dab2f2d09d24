"""Compressed streams: bare ones, and those in a save image of libvirt.

The stream is decompressed into a file that has no name, and is read there. What stands around a
compressed stream belongs elsewhere, such as in `stream/libvirt`.
"""

from mappedram.stream.compressed.bare import CompressedStream, detect_compressed
from mappedram.stream.compressed.opening import Packing, default_limit, open_stream

__all__ = ["CompressedStream", "Packing", "default_limit", "detect_compressed", "open_stream"]
