"""The stream header and the configuration section."""

from construct import Array, Bytes, Int8ub, Int32ub, StringEncoded, Switch, this

from mappedram.layout.constants import (
    CAPABILITIES_MAX,
    MACHINE_NAME_MAX,
    QEMU_VM_FILE_MAGIC,
    QEMU_VM_FILE_VERSION,
    SectionType,
)
from mappedram.layout.declare import Valid, record

#: Names carry no encoding on the wire; this one keeps every byte.
ENCODING = "iso-8859-1"

StreamHeader = record(
    "stream_header",
    magic=Valid(Bytes(4), lambda value: value == QEMU_VM_FILE_MAGIC),
    version=Valid(Int32ub, lambda value: value == QEMU_VM_FILE_VERSION),
)

ConfigurationHeader = record(
    "configuration_header",
    section_type=Valid(Int8ub, lambda value: value == SectionType.CONFIGURATION),
    len_name=Valid(Int32ub, lambda value: value <= MACHINE_NAME_MAX),
    name=StringEncoded(Bytes(this.len_name), ENCODING),
)

TargetPageBits = record("target_page_bits", target_page_bits=Int32ub)

Capability = record(
    "capability",
    len_name=Int8ub,
    name=StringEncoded(Bytes(this.len_name), ENCODING),
)

Capabilities = record(
    "capabilities",
    caps_count=Valid(Int32ub, lambda value: value <= CAPABILITIES_MAX),
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
    section_type=Valid(Int8ub, lambda value: value == SectionType.SUBSECTION),
    len_idstr=Int8ub,
    idstr=Valid(StringEncoded(Bytes(this.len_idstr), ENCODING), lambda value: value in SUBSECTIONS),
    version_id=Int32ub,
    body=Switch(this.idstr, SUBSECTIONS),
)
