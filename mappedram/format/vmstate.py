"""What stands in front of a subsection of a device.

Source: QEMU migration/vmstate.c, vmstate_subsection_save().
"""

from construct import Int8ub, Int32ub, PascalString, Struct

from mappedram.format.constants import SectionType

SubsectionHeader = Struct(
    "section_type" / Int8ub,
    "idstr" / PascalString(Int8ub, "utf-8"),
    "version_id" / Int32ub,
)
_UNNAMED = {"section_type": SectionType.SUBSECTION, "idstr": "", "version_id": 0}
_FRAME = len(SubsectionHeader.build(_UNNAMED))


def subsection_header_size(name: str) -> int:
    """Bytes of the header of a subsection, by its name, however long that is."""
    return _FRAME + len(name)
