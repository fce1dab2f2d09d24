"""The guest's physical address space: the block and the file offset of each address.

Each source of such knowledge has a module, and the map names the source of each range. Writing
memory by its address belongs in `export`.

>>> with mappedram.open("guest.mapped-ram") as snapshot:
...     for one in snapshot.physical.map.ranges:
...         print(f"{one.gpa:#x} {one.size:#x} {one.idstr} {one.basis}")
...     vector = snapshot.physical.read(0xFFFFFFF0, 16)
...     banners = list(snapshot.physical.search(b"Linux version "))
"""

from mappedram.guest.physical.map import physical_map
from mappedram.guest.physical.memory import PhysicalMemory, physical_memory
from mappedram.guest.physical.ranges import PhysicalMap, Range

__all__ = ["PhysicalMap", "PhysicalMemory", "Range", "physical_map", "physical_memory"]
