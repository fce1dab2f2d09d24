"""Header of a device's subsection.

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
    """Size in bytes of the header of the subsection `name`; the name may have any length."""
    return _FRAME + len(name)
