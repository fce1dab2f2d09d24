meta:
  id: qemu_mapped_ram
  title: QEMU mapped-ram snapshot
  application: QEMU
  file-extension: mapped-ram
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
  A QEMU migration stream in which every guest page has a place of its own.
  The stream runs forwards, but for one thing: behind the header of a RAM block
  it jumps over the bitmap and the pages of the block. `seq` cannot jump, so
  that the stream is cut in two at the only section with blocks:

  * `sections`: everything up to the list of blocks (START of "ram"),
  * `after_ram`: everything behind the pages of the last block.

  Offsets count from the beginning of the file. Nothing but `pages` grows with
  the memory of the guest, and nothing reads `pages` until it is asked for.

  What this cannot do:

  * The state of a device has no length on the wire. It is taken to end before
    the first footer with its `section_id` that a type byte follows; that is a
    guess, and nothing but the JSON text tells for sure.
  * Without footers such a state runs to the end of the file, and so `after_ram`
    ends with the first device. RAM is read all the same.
  * Streams without mapped-ram have their pages among the records: of these,
    `sections` is all that is read.
  * The capabilities are looked for where QEMU writes them: in the first or the
    second subsection, x-ignore-shared first and mapped-ram last.
  * The blocks are a chain, each calling the next one: in Python some 900 are
    the limit. QEMU writes a dozen.
  * The page size of the host that `postcopy-ram` adds to a block, a second
    START of RAM and a second list of blocks do not occur with mapped-ram.
doc-ref:
  - https://www.qemu.org/docs/master/devel/migration/mapped-ram.html
  - https://gitlab.com/qemu-project/qemu/-/blob/v10.0.0/migration/ram.c
  - https://gitlab.com/qemu-project/qemu/-/blob/v10.0.0/migration/savevm.c
seq:
  - id: magic
    -orig-id: QEMU_VM_FILE_MAGIC
    contents: QEVM
    doc: The bytes "QEVM".
  - id: version
    -orig-id: QEMU_VM_FILE_VERSION
    type: u4
    valid: 3
    doc: Version of the stream; 2 has long been refused.
  - id: sections
    type: section(_io.pos.as<u8>, true)
    repeat: until
    repeat-until: |
      _.is_ram_start or _.section_type == section_type::eof or _io.eof
    doc: |
      Up to and with START of RAM. The first ones are the configuration and its
      subsections, where there is a configuration.
instances:
  idx_capabilities:
    value: 'sections.size > 1 and sections[1].is_capabilities ? 1 : 2'
    doc: Only the page size of the target may stand before them.
  has_capabilities:
    value: |
      sections.size > 2 ? sections[idx_capabilities].is_capabilities : false
    doc: Whether they are listed.
  capabilities:
    value: sections[idx_capabilities].body.as<subsection>.body.as<capabilities>
    if: has_capabilities
    doc: The capabilities, where they are listed.
  has_addr:
    value: 'has_capabilities ? capabilities.has_x_ignore_shared : false'
    doc: Whether blocks carry an address.
  has_mapped_ram:
    value: |
      sections.first.section_type == section_type::configuration
      ? (has_capabilities ? capabilities.has_mapped_ram : false) : true
    doc: |
      Whether blocks carry a mapped-ram header. Without a configuration nothing
      announces it; it is taken for granted then.
  has_ram:
    value: has_mapped_ram and sections.last.is_ram_start
    doc: Whether there are blocks to be read.
  ram_start:
    value: sections.last.body.as<device_start>
    if: has_ram
    doc: The section with the blocks.
  after_ram:
    pos: ram_start.ram.ofs_end
    type: after_ram(ram_start.ram.ofs_end, ram_start.section_id)
    if: has_ram
    doc: The stream behind the last page.
types:
  configuration:
    -orig-id: vmstate_configuration
    doc: Opens the stream, unless `migration.send-configuration` is off.
    seq:
      - id: len_machine_type
        type: u4
        valid:
          max: 4096
        doc: QEMU sets no limit; no name is nearly as long.
      - id: machine_type
        size: len_machine_type
        type: str
        doc: Such as "pc-q35-10.0".
  subsection:
    -orig-id: vmstate_subsection_save
    doc: Belongs to the configuration, each at most once and in this order.
    seq:
      - id: len_name
        type: u1
        doc: Length of the name in bytes.
      - id: name
        size: len_name
        type: str
        valid:
          any-of:
            - '"configuration/target-page-bits"'
            - '"configuration/capabilities"'
            - '"configuration/uuid"'
        doc: The length of an unknown one is nowhere, so reading ends there.
      - id: version_id
        type: u4
        doc: Version of the subsection; 1 for all three.
      - id: body
        type:
          switch-on: name
          cases:
            '"configuration/target-page-bits"': target_page_bits
            '"configuration/capabilities"': capabilities
            '"configuration/uuid"': uuid
        doc: What the subsection says.
  target_page_bits:
    doc: Size of a target page, where the target does not have a fixed one.
    seq:
      - id: target_page_bits
        type: u4
        doc: Base-two logarithm of the size of a target page in bytes.
  capabilities:
    doc: What source and destination must both have on.
    seq:
      - id: num_names
        -orig-id: caps_count
        type: u4
        valid:
          max: 256
        doc: QEMU sets no limit; there are two.
      - id: names
        type: str8
        repeat: expr
        repeat-expr: num_names
        doc: '"x-ignore-shared", "mapped-ram", both in this order, or none.'
    instances:
      has_x_ignore_shared:
        value: 'num_names > 0 ? names.first.value == "x-ignore-shared" : false'
        doc: Whether blocks carry an address.
      has_mapped_ram:
        value: 'num_names > 0 ? names.last.value == "mapped-ram" : false'
        doc: Whether blocks carry a mapped-ram header.
  uuid:
    doc: The UUID of the guest, where `validate-uuid` is on.
    seq:
      - id: uuid
        size: 16
        doc: Most significant byte first.
  type_byte:
    doc: What comes next.
    seq:
      - id: section_type
        type: u1
        enum: section_type
        doc: What begins here.
    instances:
      is_section:
        value: |
          section_type == section_type::eof
          or section_type == section_type::start
          or section_type == section_type::part
          or section_type == section_type::last
          or section_type == section_type::full
          or section_type == section_type::command
        doc: Whether a section, a command or the end can begin here.
  str8:
    doc: Up to 255 bytes with their length.
    seq:
      - id: len_value
        type: u1
        doc: Length in bytes.
      - id: value
        size: len_value
        type: str
        doc: The text.
  section:
    doc: A section, a command, or the end.
    params:
      - id: ofs_self
        type: u8
        doc: Offset of the type byte.
      - id: has_footers
        type: bool
        doc: Whether a footer closes each section with a `section_id`.
    seq:
      - id: section_type
        type: u1
        enum: section_type
        valid:
          any-of:
            - section_type::configuration
            - section_type::subsection
            - section_type::eof
            - section_type::start
            - section_type::part
            - section_type::last
            - section_type::full
            - section_type::command
        doc: What kind of section this is.
      - id: body
        type:
          switch-on: section_type
          cases:
            section_type::configuration: configuration
            section_type::subsection: subsection
            section_type::start: device_start(true, has_footers)
            section_type::full: device_start(false, has_footers)
            section_type::part: device_part(has_footers)
            section_type::last: device_part(has_footers)
            section_type::command: command
        doc: What follows the type byte; nothing follows EOF.
    instances:
      is_capabilities:
        value: |
          section_type == section_type::subsection
          ? body.as<subsection>.name == "configuration/capabilities" : false
        doc: Whether this lists capabilities.
      is_ram_start:
        value: |
          section_type == section_type::start ? body.as<device_start>.is_ram :
          false
        doc: Whether RAM begins here.
  device_start:
    -orig-id: save_section_header
    doc: START or FULL, the first or the only section of a device.
    params:
      - id: is_live
        type: bool
        doc: START, as opposed to FULL.
      - id: has_footers
        type: bool
        doc: Whether a footer closes each section.
    seq:
      - id: section_id
        type: u4
        doc: Number by which parts and footer name the section.
      - id: idstr
        type: str8
        doc: Name of the device, such as "ram".
      - id: instance_id
        type: u4
        doc: Tells devices of the same name apart.
      - id: version_id
        type: u4
        doc: Version of the payload.
      - id: ram
        type: ram_blocks(_io.pos.as<u8>)
        if: is_ram
        doc: Has no end here; see `after_ram`.
      - id: payload
        type: payload(_io.pos.as<u8>, section_id, has_footers)
        if: not is_ram
        doc: State that only the device understands.
      - id: footer
        type: section_footer(section_id)
        if: 'is_ram ? false : payload.is_closed'
        doc: Closes the section.
    instances:
      is_ram:
        value: is_live and idstr.value == "ram"
        doc: Whether RAM begins here.
  device_part:
    -orig-id: save_section_header
    doc: PART or END, a further section of a live device.
    params:
      - id: has_footers
        type: bool
        doc: Whether a footer closes each section.
    seq:
      - id: section_id
        type: u4
        doc: The number that START gave to the device.
      - id: end_of_ram
        type: end_of_section
        if: is_ram
        doc: All that PART and END of RAM hold.
      - id: payload
        type: payload(_io.pos.as<u8>, section_id, has_footers)
        if: not is_ram
        doc: State that only the device understands.
      - id: footer
        type: section_footer(section_id)
        if: has_footers
        doc: Closes the section.
    instances:
      is_ram:
        value: section_id == _root.ram_start.section_id
        doc: Whether the device is RAM.
  command:
    -orig-id: qemu_savevm_command_send
    doc: An instruction to the loader. It has no footer.
    seq:
      - id: command
        type: u2
        enum: command_type
        doc: What to do.
      - id: len_data
        type: u2
        doc: Length of the argument in bytes.
      - id: data
        size: len_data
        if: not is_packaged
        doc: The argument, by command.
      - id: len_packaged
        type: u4
        if: is_packaged
        doc: Bytes that follow; the argument of PACKAGED.
      - id: packaged
        size: len_packaged
        if: is_packaged
        doc: Sections and commands of their own, up to their own EOF.
    instances:
      is_packaged:
        value: command == command_type::packaged and len_data == 4
        doc: Whether more of the stream follows in one piece.
  section_footer:
    -orig-id: save_section_footer
    doc: Closes START, PART, END and FULL.
    params:
      - id: section_id_expected
        type: u4
        doc: The number of the section.
    seq:
      - id: section_type
        type: u1
        enum: section_type
        valid: section_type::footer
        doc: The type byte of a footer.
      - id: section_id
        type: u4
        valid: section_id_expected
        doc: The number of the section that ends here.
  payload:
    doc: |
      State that only the device understands. Its length is not on the wire:
      it ends before the first footer of the section that a type byte follows.
      Without footers nobody can tell, and it runs to the end of the file.
    params:
      - id: ofs_self
        type: u8
        doc: Offset of the payload.
      - id: section_id
        type: u4
        doc: What the footer has to say.
      - id: has_footers
        type: bool
        doc: Whether there are footers.
    seq:
      - id: pieces
        type: payload_piece(_io.pos.as<u8>, ofs_self, section_id)
        repeat: until
        repeat-until: _.is_last
        if: has_footers
        doc: The payload, cut before each 0x7e.
      - id: rest
        size-eos: true
        if: not has_footers
        doc: All that is left of the file.
    instances:
      is_closed:
        value: 'has_footers ? not pieces.last.is_cut : false'
        doc: Whether the footer was found.
  payload_piece:
    doc: Bytes up to the next 0x7e, which may be the type byte of a footer.
    params:
      - id: ofs_self
        type: u8
        doc: Offset of the piece.
      - id: ofs_payload
        type: u8
        doc: Offset of the payload.
      - id: section_id
        type: u4
        doc: What the footer has to say.
    seq:
      - id: no_footer
        contents: [0x7e]
        if: ofs_self != ofs_payload
        doc: The byte at which the piece before stopped for nothing.
      - id: data
        terminator: 0x7e
        consume: false
        eos-error: false
        doc: Up to the next 0x7e.
    instances:
      ofs_end:
        value: |
          (ofs_self + (ofs_self == ofs_payload ? 0.as<u8> : 1.as<u8>) +
          data.size.as<u8>).as<u8>
        doc: Where the piece ends.
      footer_id:
        pos: ofs_end + 1
        type: u4
        doc: What the footer says, if this is one.
      type_after_footer:
        pos: ofs_end + 5
        type: type_byte
        doc: What stands behind the footer, if this is one.
      is_cut:
        value: (ofs_end + 6).as<u8> > _io.size.as<u8>
        doc: Whether there is no room for a footer, and a type byte behind it.
      is_last:
        value: |
          is_cut
          or footer_id == section_id and type_after_footer.is_section
        doc: Whether the payload ends here.
  ram_blocks:
    doc: The record MEM_SIZE, and the first of the blocks that it counts.
    params:
      - id: ofs_self
        type: u8
        doc: Offset of the record.
    seq:
      - id: total_high
        type: u4
        doc: Upper half of the sum of `len_pages` over all blocks.
      - id: total_low
        type: b22
        doc: The sum goes on; its low ten bits are zero.
      - id: flag
        type: b10
        enum: ram_save_flag
        valid: ram_save_flag::mem_size
        doc: What kind of record this is.
    instances:
      first_block:
        pos: ofs_self + 8
        type: ram_block((ofs_self + 8).as<u8>)
        doc: The first block; the others follow by `next`.
      total:
        value: |
          (total_high.as<u8> * (0x100000000).as<u8> + total_low.as<u8> *
          0x400).as<u8>
        doc: Sum of `len_pages` over all blocks.
      ofs_end:
        value: first_block.ofs_list_end
        doc: Where the list ends.
  ram_block:
    -orig-id: RAMBlock
    doc: |
      One block, or the end of the list: a record begins with a zero byte, the
      name of a block with its length.
    params:
      - id: ofs_self
        type: u8
        doc: Offset of the block.
    seq:
      - id: len_idstr
        type: u1
        doc: Length of the name in bytes, 0 at the end of the list.
      - id: block
        type: ram_block_body(len_idstr)
        if: not is_end
        doc: The block.
    instances:
      is_end:
        value: len_idstr == 0
        doc: Whether the list ends here.
      next:
        pos: block.mapped_ram.ofs_end
        type: ram_block(block.mapped_ram.ofs_end)
        if: not is_end
        doc: What stands behind the last page.
      ofs_list_end:
        value: '(is_end ? ofs_self : next.ofs_list_end).as<u8>'
        doc: Where the list ends.
  ram_block_body:
    doc: The header of a block, its bitmap and its pages.
    params:
      - id: len_idstr
        type: u1
        doc: Length of the name in bytes.
    seq:
      - id: idstr
        size: len_idstr
        type: str
        doc: Name of the block, such as "pc.ram".
      - id: len_pages
        -orig-id: used_length
        type: u8
        doc: Bytes of guest memory, a whole number of pages.
      - id: addr
        type: u8
        if: _root.has_addr
        doc: Not always the guest-physical address.
      - id: mapped_ram
        type: mapped_ram_header(_io.pos.as<u8>, len_pages)
        doc: Where the pages of the block stand in the file.
    instances:
      num_pages:
        value: (len_pages / mapped_ram.page_size).as<u8>
        if: mapped_ram.has_data
        doc: Number of pages of the block.
      len_bitmap:
        value: ((num_pages + 63).as<u8> / 64 * 8).as<u8>
        if: mapped_ram.has_data
        doc: Bytes of the bitmap.
      bitmap:
        pos: mapped_ram.ofs_bitmap
        size: len_bitmap
        if: mapped_ram.has_data
        doc: |
          One bit for each page, set if the page is in the file, clear if it is
          zero; in words of 64 bits in the byte order of the host.
      ofs_padding:
        value: (mapped_ram.ofs_bitmap + len_bitmap.as<u8>).as<u8>
        if: mapped_ram.has_data
        doc: Where the bitmap ends.
      padding:
        pos: ofs_padding
        size: (mapped_ram.ofs_pages - ofs_padding.as<u8>).as<u8>
        pad-right: 0
        valid: '[].as<bytes>'
        if: mapped_ram.has_data
        doc: Zeros, of which nothing is kept.
      pages:
        pos: mapped_ram.ofs_pages
        size: len_pages
        if: mapped_ram.has_data
        doc: |
          Each at its number times the page size; the page is zero under a
          clear bit.
  mapped_ram_header:
    -orig-id: MappedRamHeader
    doc: Where the bitmap and the pages of a block stand in the file.
    params:
      - id: ofs_self
        type: u8
        doc: Offset of the header.
      - id: len_pages
        type: u8
        doc: Bytes of guest memory.
    seq:
      - id: version
        type: u4
        valid:
          max: 1
        doc: Writers say 1; loaders take 0 as well.
      - id: page_size
        type: u8
        valid:
          min: 256
        doc: Size of a target page in bytes, a power of two.
      - id: ofs_bitmap
        -orig-id: bitmap_offset
        type: u8
        doc: From the beginning of the file; 0 with `ofs_pages` for no data.
      - id: ofs_pages
        -orig-id: pages_offset
        -should-align: 0x100000
        type: u8
        valid:
          expr: |
            not has_data
            or _ >= _io.pos.as<u8> and _ <= _io.size.as<u8>
            and len_pages <= (_io.size.as<u8> - _).as<u8>
        doc: A multiple of 1 MiB as QEMU writes it; readers take any.
    instances:
      has_data:
        value: ofs_bitmap != 0 or ofs_pages != 0
        doc: Whether the bitmap and the pages are in this file.
      ofs_end:
        value: |
          (has_data ? (ofs_pages + len_pages).as<u8> : (ofs_self +
          28).as<u8>).as<u8>
        doc: Where the next block, or the record EOS, begins.
  end_of_section:
    -orig-id: RAM_SAVE_FLAG_EOS
    doc: Ends each section of RAM.
    seq:
      - id: number_high
        type: u4
        doc: Zero, as QEMU writes it.
      - id: number_low
        type: b22
        doc: Zero, as QEMU writes it.
      - id: flag
        type: b10
        enum: ram_save_flag
        valid:
          any-of:
            - ram_save_flag::eos
            - ram_save_flag::eos_same_block
        doc: EOS; a loader takes CONTINUE beside it.
  after_ram:
    doc: The stream behind the last page.
    params:
      - id: ofs_self
        type: u8
        doc: Where the list of blocks ends.
      - id: id_ram
        type: u4
        doc: The `section_id` of RAM.
    seq:
      - id: end_of_ram
        type: end_of_section
        doc: Ends START of RAM.
      - id: footer
        type: section_footer(id_ram)
        if: has_footers
        doc: Closes START of RAM.
      - id: sections
        type: section(_io.pos.as<u8>, has_footers)
        repeat: until
        repeat-until: _.section_type == section_type::eof or _io.eof
        if: ofs_sections < _io.size.as<u8>
        doc: Parts of live devices, devices, and EOF.
      - id: vmdescription
        type: vmdescription
        if: has_vmdescription
        doc: The JSON text.
    instances:
      next:
        pos: ofs_self + 8
        type: type_byte
        if: ofs_self + 8 < _io.size.as<u8>
        doc: What stands behind EOS.
      has_footers:
        value: |
          ofs_self + 8 < _io.size.as<u8> ? next.section_type ==
          section_type::footer : false
        doc: What closes the first section of RAM closes all, or none.
      ofs_sections:
        value: '(ofs_self + (has_footers ? 13.as<u8> : 8.as<u8>)).as<u8>'
        doc: Where the next section begins.
      has_vmdescription:
        value: |
          ofs_sections >= _io.size.as<u8> ? false
          : sections.last.section_type == section_type::eof
          and (sections.last.ofs_self + 1).as<u8> < _io.size.as<u8>
        doc: Whether anything stands behind the end of the sections.
  vmdescription:
    -orig-id: QEMU_VM_VMDESCRIPTION
    doc: JSON text that describes the fields of every device.
    seq:
      - id: section_type
        type: u1
        enum: section_type
        valid: section_type::vmdescription
        doc: The type byte of the description.
      - id: len_json
        type: u4
        doc: Length of the text in bytes.
      - id: json
        size: len_json
        type: str
        doc: ASCII on one line.
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
      doc: The guest goes on in postcopy; no argument.
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
      doc: COLO begins; no argument. Gone since QEMU 11.0.
    0x09:
      id: postcopy_resume
      -orig-id: MIG_CMD_POSTCOPY_RESUME
      doc: Postcopy goes on after a break; no argument.
    0x0a:
      id: recv_bitmap
      -orig-id: MIG_CMD_RECV_BITMAP
      doc: Send a bitmap back; argument a str8, the name of a block.
    0x0b:
      id: switchover_start
      -orig-id: MIG_CMD_SWITCHOVER_START
      doc: The guest has stopped; no argument. Since QEMU 10.0.
  ram_save_flag:
    0x002:
      id: zero
      -orig-id: RAM_SAVE_FLAG_ZERO
      doc: A page of zeros; not with mapped-ram.
    0x004:
      id: mem_size
      -orig-id: RAM_SAVE_FLAG_MEM_SIZE
      doc: The list of blocks.
    0x008:
      id: page
      -orig-id: RAM_SAVE_FLAG_PAGE
      doc: A page; not with mapped-ram.
    0x010:
      id: eos
      -orig-id: RAM_SAVE_FLAG_EOS
      doc: End of the section.
    0x020:
      id: same_block
      -orig-id: RAM_SAVE_FLAG_CONTINUE
      doc: 'Beside another flag: the block is that of the record before.'
    0x030:
      id: eos_same_block
      -orig-id: RAM_SAVE_FLAG_EOS | RAM_SAVE_FLAG_CONTINUE
      doc: EOS, with CONTINUE beside it.
    0x040:
      id: xbzrle
      -orig-id: RAM_SAVE_FLAG_XBZRLE
      doc: A page, as a difference; not with mapped-ram.
    0x080:
      id: hook
      -orig-id: RAM_SAVE_FLAG_HOOK
      doc: RDMA; not in files.
    0x100:
      id: compress_page
      -orig-id: RAM_SAVE_FLAG_COMPRESS_PAGE
      doc: A compressed page, up to QEMU 9.0; not with mapped-ram.
    0x200:
      id: multifd_flush
      -orig-id: RAM_SAVE_FLAG_MULTIFD_FLUSH
      doc: Channels are in step; not with mapped-ram.
