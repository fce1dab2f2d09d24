"""The guest's physical address space: which block and which byte of the file is at an address.

Each way to find that out has a module, and the map says for each range how it is known. Writing
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
