"""Save images of libvirt: header, domain XML and cookie around a stream.

`reader` parses the stream inside. Writing an image belongs in `export/libvirt`, and the layout of
the header in `format/libvirt`.

>>> from mappedram.stream.libvirt import open_any
>>> with open_any("guest.save") as (snapshot, image):
...     image.xml, snapshot.block["pc.ram"].read(0x1000, 64)
"""

from mappedram.stream.libvirt.domain import Domain, describe
from mappedram.stream.libvirt.header import HeaderText, LibvirtImage, detect
from mappedram.stream.libvirt.opening import open_any, regions_of
from mappedram.stream.libvirt.stream import default_limit, open_stream

__all__ = [
    "Domain",
    "HeaderText",
    "LibvirtImage",
    "default_limit",
    "describe",
    "detect",
    "open_any",
    "open_stream",
    "regions_of",
]
