"""Section framing: what stands before and after a payload."""

from construct import Bytes, Int8ub, Int16ub, Int32ub, StringEncoded, this

from mappedram.layout.constants import SectionType
from mappedram.layout.declare import Valid, record
from mappedram.layout.stream import ENCODING


def _type_byte(*types: SectionType) -> Valid:
    return Valid(Int8ub, lambda value: value in types)


SectionStart = record(
    "section_start",
    section_type=_type_byte(SectionType.START, SectionType.FULL),
    section_id=Int32ub,
    len_idstr=Int8ub,
    idstr=StringEncoded(Bytes(this.len_idstr), ENCODING),
    instance_id=Int32ub,
    version_id=Int32ub,
)

SectionPart = record(
    "section_part",
    section_type=_type_byte(SectionType.PART, SectionType.END),
    section_id=Int32ub,
)

SectionFooter = record(
    "section_footer",
    section_type=_type_byte(SectionType.FOOTER),
    section_id=Int32ub,
)

Command = record(
    "command",
    section_type=_type_byte(SectionType.COMMAND),
    command=Int16ub,
    len_data=Int16ub,
    data=Bytes(this.len_data),
)

EndOfStream = record("end_of_stream", section_type=_type_byte(SectionType.EOF))

VmDescription = record(
    "vmdescription",
    section_type=_type_byte(SectionType.VMDESCRIPTION),
    vmdesc_len=Int32ub,
)
