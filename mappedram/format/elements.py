"""All structures that are declared, by their names in the spec."""

from mappedram.format import libvirt, live, ram, section, stream
from mappedram.format.foreign import qcow2

#: Every structure that can stand on its own, by its name in the spec.
ELEMENTS = {
    declaration.name: declaration
    for declaration in (
        stream.StreamHeader,
        stream.ConfigurationHeader,
        stream.ConfigurationSubsection,
        section.SectionStart,
        section.SectionPart,
        section.SectionFooter,
        section.Command,
        section.EndOfStream,
        section.VmDescription,
        ram.MemSize,
        ram.RamBlockHeader,
        ram.EndOfSection,
        ram.PageRecord,
        live.DirtyBitmapChunk,
        live.HtabHeader,
        live.HtabChunk,
        live.StorageAttributes,
        live.VfioRecord,
        libvirt.LibvirtHeader,
        qcow2.Qcow2Header,
        qcow2.Qcow2Snapshot,
        qcow2.Qcow2L1Entry,
        qcow2.Qcow2L2Entry,
    )
}

#: Structures that occur only inside another one.
PARTS = {
    declaration.name: declaration
    for declaration in (
        stream.TargetPageBits,
        stream.Capabilities,
        stream.Capability,
        stream.Uuid,
        ram.MappedRamHeader,
        ram.XbzrlePage,
    )
}

#: All structures by their name in the spec.
RECORDS = ELEMENTS | PARTS
