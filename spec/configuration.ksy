meta:
  id: configuration
  title: Configuration section of a QEMU migration stream
  application: QEMU
  xref:
    wikidata: Q624699
  tags:
    - serialization
    - virtualization
  license: CC0-1.0
  ks-version: 0.11
  imports:
    - section
  encoding: ISO-8859-1
  endian: be
doc: |
  Follows the stream header: the machine type, then subsections for properties
  that the destination must share, each at most once and in a fixed order. It
  has no section id, no version and no footer, and is missing if the source has
  `migration.send-configuration` off.
doc-ref: 'QEMU migration/savevm.c: vmstate_configuration'
types:
  configuration_header:
    doc: The fixed part of the configuration section.
    doc-ref: 'QEMU migration/savevm.c: vmstate_configuration'
    seq:
      - id: section_type
        -orig-id: QEMU_VM_CONFIGURATION
        type: u1
        enum: section::section_type
        valid: section::section_type::configuration
        doc: The type byte of the configuration section.
      - id: len_name
        -orig-id: len
        type: u4
        valid:
          max: 4096
        doc: |
          Length of the machine type in bytes. QEMU sets no limit; this
          specification does, far above any name in use.
      - id: name
        size: len_name
        type: str
        doc: Machine type, such as "pc-q35-10.0".
  configuration_subsection:
    doc: One subsection; its name determines the body.
    doc-ref: 'QEMU migration/vmstate.c: vmstate_subsection_save()'
    seq:
      - id: section_type
        -orig-id: QEMU_VM_SUBSECTION
        type: u1
        enum: section::section_type
        valid: section::section_type::subsection
        doc: The type byte of a subsection.
      - id: len_idstr
        -orig-id: len
        type: u1
        doc: Length of the name in bytes.
      - id: idstr
        size: len_idstr
        type: str
        valid:
          any-of:
            - '"configuration/target-page-bits"'
            - '"configuration/capabilities"'
            - '"configuration/uuid"'
        doc: |
          Name of the subsection. The stream does not contain the length of an
          unknown one, so that a reader cannot continue after it.
      - id: version_id
        type: u4
        doc: Version of the subsection; 1 for all three.
      - id: body
        type:
          switch-on: idstr
          cases:
            '"configuration/target-page-bits"': target_page_bits
            '"configuration/capabilities"': capabilities
            '"configuration/uuid"': uuid
        doc: Contents of the subsection.
    instances:
      is_capabilities:
        value: idstr == "configuration/capabilities"
        doc: Whether the subsection lists capabilities.
      has_x_ignore_shared:
        value: 'is_capabilities ? body.as<capabilities>.has_x_ignore_shared : false'
        doc: Whether this subsection announces x-ignore-shared.
      has_mapped_ram:
        value: 'is_capabilities ? body.as<capabilities>.has_mapped_ram : false'
        doc: Whether this subsection announces mapped-ram.
      len_body:
        value: |
          (is_capabilities ? body.as<capabilities>.len_self
          : idstr == "configuration/uuid" ? 16.as<u4> : 4.as<u4>).as<u4>
        doc: Bytes of the body.
      len_self:
        value: ((6 + len_idstr.as<u8>).as<u8> + len_body.as<u8>).as<u8>
        doc: Bytes of the whole subsection.
  target_page_bits:
    doc: Size of a target page, for targets where it is not fixed.
    doc-ref: 'QEMU migration/savevm.c: vmstate_target_page_bits'
    seq:
      - id: target_page_bits
        type: u4
        doc: Base-two logarithm of the size of a target page in bytes.
  capabilities:
    doc: |
      The capabilities that source and destination must both have on. Only
      x-ignore-shared and mapped-ram are ever listed.
    doc-ref: 'QEMU migration/savevm.c: vmstate_capabilites'
    seq:
      - id: num_capabilities
        -orig-id: caps_count
        type: u4
        valid:
          max: 256
        doc: |
          Number of capabilities. QEMU sets no limit; this specification does,
          far above the number that exist.
      - id: capabilities
        type: capability
        repeat: expr
        repeat-expr: num_capabilities
        doc: The capabilities, in the order of QEMU's enumeration.
    instances:
      scan:
        type: |
          capability_scan(
            _index == 0 ? false : scan[_index - 1].has_x_ignore_shared,
            _index == 0 ? false : scan[_index - 1].has_mapped_ram,
            _index == 0 ? 4.as<u4> : scan[_index - 1].len_all,
            capabilities[_index].name == "x-ignore-shared",
            capabilities[_index].name == "mapped-ram",
            capabilities[_index].len_name
          )
        repeat: expr
        repeat-expr: capabilities.size
        doc: The scan of the list, one step for each capability.
      has_x_ignore_shared:
        value: 'num_capabilities == 0 ? false : scan.last.has_x_ignore_shared'
        doc: Whether x-ignore-shared is listed.
      has_mapped_ram:
        value: 'num_capabilities == 0 ? false : scan.last.has_mapped_ram'
        doc: Whether mapped-ram is listed.
      len_self:
        value: '(num_capabilities == 0 ? 4.as<u4> : scan.last.len_all).as<u4>'
        doc: Bytes of the list with its length.
  capability:
    doc: The name of one capability.
    doc-ref: 'QEMU migration/savevm.c: put_capability(), save_capability()'
    seq:
      - id: len_name
        -orig-id: len
        type: u1
        doc: Length of the name in bytes.
      - id: name
        size: len_name
        type: str
        doc: Name of the capability, such as "mapped-ram".
  capability_scan:
    doc: |
      One step of the scan: the capabilities announced up to here, and the
      length of the list up to here. It takes no bytes.
    params:
      - id: had_x_ignore_shared
        type: bool
        doc: Whether an earlier entry announced x-ignore-shared.
      - id: had_mapped_ram
        type: bool
        doc: Whether an earlier entry announced mapped-ram.
      - id: len_before
        type: u4
        doc: Bytes of the list up to here.
      - id: is_x_ignore_shared
        type: bool
        doc: Whether this entry announces x-ignore-shared.
      - id: is_mapped_ram
        type: bool
        doc: Whether this entry announces mapped-ram.
      - id: len_name
        type: u1
        doc: Bytes of the name.
    instances:
      has_x_ignore_shared:
        value: had_x_ignore_shared or is_x_ignore_shared
        doc: Whether x-ignore-shared has been announced, this entry included.
      has_mapped_ram:
        value: had_mapped_ram or is_mapped_ram
        doc: Whether mapped-ram has been announced, this entry included.
      len_all:
        value: ((len_before + 1).as<u4> + len_name.as<u4>).as<u4>
        doc: Bytes of the list, this entry included.
  uuid:
    doc: The UUID of the guest, where the capability validate-uuid is on.
    doc-ref: 'QEMU migration/savevm.c: vmstate_uuid'
    seq:
      - id: uuid
        size: 16
        doc: The sixteen bytes of the UUID, most significant first.
