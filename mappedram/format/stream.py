"""The stream header and the configuration section."""

from construct import Array, Bytes, Int8ub, Int32ub, StringEncoded, Switch, this

from mappedram.format.constants import (
    CAPABILITIES,
    CAPABILITIES_MAX,
    MACHINE_NAME_MAX,
    QEMU_VM_FILE_MAGIC,
    QEMU_VM_FILE_VERSION,
    SECTION_TYPES,
    SectionType,
)
from mappedram.format.declare import Valid, record
from mappedram.format.judged import FieldRule, Severity, judged
from mappedram.format.validity import AtLeast, AtMost, Equals, OneOf, Printable

#: Names have no declared encoding; this one preserves every byte.
ENCODING = "iso-8859-1"

StreamHeader = record(
    "stream_header",
    magic=Valid(Bytes(4), Equals(QEMU_VM_FILE_MAGIC)),
    version=Valid(Int32ub, Equals(QEMU_VM_FILE_VERSION)),
)

ConfigurationHeader = record(
    "configuration_header",
    section_type=Valid(Int8ub, Equals(SectionType.CONFIGURATION, SECTION_TYPES)),
    len_name=judged(
        Valid(Int32ub, AtMost(MACHINE_NAME_MAX)),
        FieldRule("MR015", AtLeast(1), Severity.WARNING, "3.1.4"),
    ),
    name=judged(
        StringEncoded(Bytes(this.len_name), ENCODING),
        FieldRule("MR016", Printable(), Severity.WARNING, "3.1.4"),
    ),
)

TargetPageBits = record("target_page_bits", target_page_bits=Int32ub)

Capability = record(
    "capability",
    len_name=Int8ub,
    name=judged(
        StringEncoded(Bytes(this.len_name), ENCODING),
        FieldRule("MR008", OneOf(tuple(sorted(CAPABILITIES))), Severity.WARNING, "3.4.7"),
    ),
)

Capabilities = record(
    "capabilities",
    caps_count=Valid(Int32ub, AtMost(CAPABILITIES_MAX)),
    capabilities=Array(this.caps_count, Capability.subcon),
)

Uuid = record("uuid", uuid=Bytes(16))

SUBSECTIONS = {
    "configuration/target-page-bits": TargetPageBits.subcon,
    "configuration/capabilities": Capabilities.subcon,
    "configuration/uuid": Uuid.subcon,
}

ConfigurationSubsection = record(
    "configuration_subsection",
    section_type=Valid(Int8ub, Equals(SectionType.SUBSECTION, SECTION_TYPES)),
    len_idstr=Int8ub,
    idstr=Valid(StringEncoded(Bytes(this.len_idstr), ENCODING), OneOf(tuple(SUBSECTIONS))),
    version_id=judged(Int32ub, FieldRule("MR009", Equals(1), Severity.ERROR, "3.2.6")),
    body=Switch(this.idstr, SUBSECTIONS),
)
