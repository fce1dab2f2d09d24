meta:
  id: section
  title: Section framing of a QEMU migration stream
  application: QEMU
  xref:
    wikidata: Q624699
  tags:
    - serialization
    - virtualization
  license: CC0-1.0
  ks-version: 0.11
  encoding: ISO-8859-1
  endian: be
doc: |
  The structures before and after the payload of a section. The length of a
  payload is not on the wire: a reader has to know the payload, or take its
  length from the JSON description at the end of the file.
doc-ref: 'QEMU migration/savevm.h'
types:
  section_start:
    -orig-id: save_section_header
    doc: The first, or the only, section of a device.
    doc-ref: 'QEMU migration/savevm.c: save_section_header()'
    seq:
      - id: section_type
        type: u1
        enum: section_type
        valid:
          any-of:
            - section_type::start
            - section_type::full
        doc: START of a live section, or FULL for a device written in one piece.
      - id: section_id
        type: u4
        doc: Number by which later parts and the footer name the section.
      - id: len_idstr
        -orig-id: len
        type: u1
        doc: Length of the name in bytes.
      - id: idstr
        size: len_idstr
        type: str
        doc: Name of the device, such as "ram" or "0000:00:1f.2/ich9_ahci".
      - id: instance_id
        type: u4
        doc: Distinguishes devices of the same name.
      - id: version_id
        type: u4
        doc: Version of the payload; a loader refuses versions it does not know.
  section_part:
    -orig-id: save_section_header
    doc: A further section of a live device, named by number only.
    doc-ref: 'QEMU migration/savevm.c: save_section_header()'
    seq:
      - id: section_type
        type: u1
        enum: section_type
        valid:
          any-of:
            - section_type::part
            - section_type::last
        doc: PART for a round of iteration, END for the last one.
      - id: section_id
        type: u4
        doc: The number that START gave to the device.
  section_footer:
    -orig-id: save_section_footer
    doc: |
      Closes START, PART, END and FULL, unless the source has
      `migration.send-section-footer` off.
    doc-ref: 'QEMU migration/savevm.c: save_section_footer()'
    seq:
      - id: section_type
        -orig-id: QEMU_VM_SECTION_FOOTER
        type: u1
        enum: section_type
        valid: section_type::footer
        doc: The type byte of a footer.
      - id: section_id
        type: u4
        doc: The number of the section that ends here.
  command:
    -orig-id: qemu_savevm_command_send
    doc: An instruction to the loader. It has no footer.
    doc-ref: 'QEMU migration/savevm.c: qemu_savevm_command_send()'
    seq:
      - id: section_type
        -orig-id: QEMU_VM_COMMAND
        type: u1
        enum: section_type
        valid: section_type::command
        doc: The type byte of a command.
      - id: command
        type: u2
        enum: command_type
        doc: Number of the command.
      - id: len_data
        -orig-id: len
        type: u2
        doc: Length of the argument in bytes.
      - id: data
        size: len_data
        doc: The argument, by command.
    instances:
      is_packaged:
        value: command == command_type::packaged and len_data == 4
        doc: Whether more of the stream follows the command.
      is_postcopy_advice:
        value: command == command_type::postcopy_advise and len_data != 0
        doc: Whether blocks may carry the page size of the host from here on.
  end_of_stream:
    -orig-id: QEMU_VM_EOF
    doc: |
      Ends the sections. Only the JSON description may follow.
    doc-ref: 'QEMU migration/savevm.c: qemu_savevm_state_complete_precopy()'
    seq:
      - id: section_type
        -orig-id: QEMU_VM_EOF
        type: u1
        enum: section_type
        valid: section_type::eof
        doc: The type byte of the end.
  vmdescription:
    -orig-id: QEMU_VM_VMDESCRIPTION
    doc: |
      Precedes the JSON text that describes the fields of every device. The text
      is ASCII on one line without a NUL, and ends the file. Missing if the
      machine has `suppress-vmdesc` on.
    doc-ref: 'QEMU migration/savevm.c: should_send_vmdesc()'
    seq:
      - id: section_type
        -orig-id: QEMU_VM_VMDESCRIPTION
        type: u1
        enum: section_type
        valid: section_type::vmdescription
        doc: The type byte of the description.
      - id: len_json
        -orig-id: vmdesc_len
        type: u4
        doc: Length of the JSON text in bytes.
enums:
  section_type:
    0x00:
      id: eof
      -orig-id: QEMU_VM_EOF
      doc: End of the sections.
    0x01:
      id: start
      -orig-id: QEMU_VM_SECTION_START
      doc: First section of a live device.
    0x02:
      id: part
      -orig-id: QEMU_VM_SECTION_PART
      doc: Round of iteration of a live device.
    0x03:
      id: last
      -orig-id: QEMU_VM_SECTION_END
      doc: Last section of a live device.
    0x04:
      id: full
      -orig-id: QEMU_VM_SECTION_FULL
      doc: Whole state of a device.
    0x05:
      id: subsection
      -orig-id: QEMU_VM_SUBSECTION
      doc: Part of a payload, never a section of its own.
    0x06:
      id: vmdescription
      -orig-id: QEMU_VM_VMDESCRIPTION
      doc: JSON description of the devices.
    0x07:
      id: configuration
      -orig-id: QEMU_VM_CONFIGURATION
      doc: Machine type and capabilities.
    0x08:
      id: command
      -orig-id: QEMU_VM_COMMAND
      doc: Instruction to the loader.
    0x7e:
      id: footer
      -orig-id: QEMU_VM_SECTION_FOOTER
      doc: End of one section.
  command_type:
    0x00:
      id: invalid
      -orig-id: MIG_CMD_INVALID
      doc: Never used.
    0x01:
      id: open_return_path
      -orig-id: MIG_CMD_OPEN_RETURN_PATH
      doc: Open a channel back; no argument.
    0x02:
      id: ping
      -orig-id: MIG_CMD_PING
      doc: Answer on that channel; argument a be32.
    0x03:
      id: postcopy_advise
      -orig-id: MIG_CMD_POSTCOPY_ADVISE
      doc: Get ready for postcopy; no argument, or two be64 with page sizes.
    0x04:
      id: postcopy_listen
      -orig-id: MIG_CMD_POSTCOPY_LISTEN
      doc: Postcopy begins; no argument.
    0x05:
      id: postcopy_run
      -orig-id: MIG_CMD_POSTCOPY_RUN
      doc: The guest continues in postcopy; no argument.
    0x06:
      id: postcopy_ram_discard
      -orig-id: MIG_CMD_POSTCOPY_RAM_DISCARD
      doc: Pages to forget; the argument varies.
    0x07:
      id: packaged
      -orig-id: MIG_CMD_PACKAGED
      doc: More of the stream follows; argument a be32, its length.
    0x08:
      id: enable_colo
      -orig-id: MIG_CMD_ENABLE_COLO
      doc: COLO begins; no argument. Removed in QEMU 11.0.
    0x09:
      id: postcopy_resume
      -orig-id: MIG_CMD_POSTCOPY_RESUME
      doc: Postcopy continues after an interruption; no argument.
    0x0a:
      id: recv_bitmap
      -orig-id: MIG_CMD_RECV_BITMAP
      doc: Send a bitmap back; argument a str8, the name of a block.
    0x0b:
      id: switchover_start
      -orig-id: MIG_CMD_SWITCHOVER_START
      doc: The guest has stopped; no argument. Since QEMU 10.0.
