"""Save images of libvirt: the file around a stream.

>>> from mappedram.container import open_any
>>> with open_any("guest.save") as (snapshot, image):
...     image.xml, snapshot.block["pc.ram"].read(0x1000, 64)
"""

from mappedram.container.domain import Domain, describe
from mappedram.container.libvirt import LibvirtImage, Text, detect
from mappedram.container.opening import open_any, regions_of
from mappedram.container.stream import default_limit, open_stream

__all__ = [
    "Domain",
    "LibvirtImage",
    "Text",
    "default_limit",
    "describe",
    "detect",
    "open_any",
    "open_stream",
    "regions_of",
]
