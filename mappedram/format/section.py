"""Section framing: the structures before and after a payload."""

from construct import Bytes, Int8ub, Int16ub, Int32ub, StringEncoded, this

from mappedram.format.constants import (
    COMMAND_LENGTHS,
    RAM_SECTION_IDSTR,
    RAM_SECTION_VERSION,
    SECTION_TYPES,
    SectionType,
)
from mappedram.format.declare import Valid, record
from mappedram.format.judged import FieldRule, Severity, judged
from mappedram.format.stream import ENCODING
from mappedram.format.structures import Command as CommandValues
from mappedram.format.validity import AtLeast, Between, Equals, Harmless, OneOf

#: Fields of the START of RAM.
_RAM = {"section_type": Equals(SectionType.START), "idstr": Equals(RAM_SECTION_IDSTR)}


def _type_byte(*types: SectionType) -> Valid:
    validity = OneOf(types, SECTION_TYPES) if len(types) > 1 else Equals(types[0], SECTION_TYPES)
    return Valid(Int8ub, validity)


def _data_length(command: CommandValues) -> OneOf | None:
    """Valid lengths of a command's data in bytes; None if QEMU accepts any length."""
    lengths = COMMAND_LENGTHS.get(command["command"])
    return OneOf(lengths) if lengths is not None else None


SectionStart = record(
    "section_start",
    section_type=_type_byte(SectionType.START, SectionType.FULL),
    section_id=Int32ub,
    len_idstr=judged(Int8ub, FieldRule("MR021", AtLeast(1), Severity.ERROR, "4.2.7")),
    idstr=judged(
        StringEncoded(Bytes(this.len_idstr), ENCODING),
        FieldRule("MR028", Harmless(), Severity.WARNING, "4.2.6"),
    ),
    instance_id=judged(Int32ub, FieldRule("MR027", Equals(0), Severity.ERROR, "5.1.6", _RAM)),
    version_id=judged(
        Int32ub, FieldRule("MR026", Equals(RAM_SECTION_VERSION), Severity.ERROR, "5.1.4", _RAM)
    ),
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
    command=judged(
        Int16ub,
        FieldRule(
            "MR031",
            Between(min(COMMAND_LENGTHS), max(COMMAND_LENGTHS)),
            Severity.ERROR,
            "4.5.7",
        ),
    ),
    len_data=judged(Int16ub, FieldRule("MR032", _data_length, Severity.ERROR, "4.5.7")),
    data=Bytes(this.len_data),
)

EndOfStream = record("end_of_stream", section_type=_type_byte(SectionType.EOF))

VmDescription = record(
    "vmdescription",
    section_type=_type_byte(SectionType.VMDESCRIPTION),
    vmdesc_len=Int32ub,
)
