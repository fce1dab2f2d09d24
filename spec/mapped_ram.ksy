meta:
  id: mapped_ram
  title: QEMU mapped-ram migration file
  application: QEMU
  xref:
    wikidata: Q624699
  tags:
    - serialization
    - virtualization
  license: CC0-1.0
  ks-version: 0.11
  imports:
    - configuration
    - ram
    - section
    - stream_header
  encoding: ISO-8859-1
  endian: be
doc: |
  A QEMU migration stream in which every guest page has a place of its own.
  The header of each RAM block has the offsets of its bitmap and its pages; a
  set bit means that the page is in the file, a clear bit that the page is zero.
  The stream continues after the pages of the last block.

  This type follows the stream from its header to its end, section by section:
  `sections` has the configuration and its subsections, commands, RAM, devices,
  EOF and the JSON description. Bitmaps and pages are only read on access, and
  everything has its own place in the file.

  Offsets in the headers count from the beginning of the file. To read a stream
  that begins elsewhere, position the stream there first, or give `pos` where
  this type is used, as `libvirt_save_image` does.

  Its limits, some of which end the walk (`ofs_rest`):

  * The length of a device's state is not on the wire. It is assumed to end
    before the first footer with its `section_id` that the next section can
    follow, which is a guess. Only the JSON description has the exact length.
  * Without footers, only that description has the length: `sections` ends with
    the first section that is not RAM, and the description is not reached.
  * Without mapped-ram the pages are in the stream: `sections` ends with the
    section that has the first one. The blocks are listed.
  * After a second START of RAM with another `section_id`, PART and END of the
    first are read as a device.
doc-ref: 'QEMU docs/devel/migration/mapped-ram.rst'
seq:
  - id: header
    type: stream_header
    doc: Magic and version.
  - id: sections
    type: |
      stream_section(
        sections.size == 0 ? _io.pos.as<u8> : sections.last.ofs_next,
        sections.size == 0 ? 0xff.as<u1> : sections.last.section_type,
        sections.size == 0 ? false : sections.last.has_configuration,
        sections.size == 0 ? false : sections.last.has_x_ignore_shared,
        sections.size == 0 ? false : sections.last.has_mapped_ram,
        sections.size == 0 ? false : sections.last.has_postcopy_advice,
        sections.size == 0 ? 0x100000000.as<u8> : sections.last.id_ram,
        sections.size == 0 ? 0.as<u1> : sections.last.footers
      )
    repeat: until
    repeat-until: _.is_last
    doc: |
      All parts of the stream. Each takes no bytes of the sequence, but knows
      its place, and receives the facts that it needs from the previous one.
instances:
  ofs_rest:
    value: sections.last.ofs_next
    doc: Offset of the part that this type does not follow, or of the end.
types:
  stream_section:
    doc: One section at a known place.
    params:
      - id: ofs_self
        type: u8
        doc: Offset of the type byte.
      - id: type_before
        type: u1
        doc: Type byte of the previous section, 0xff if there is none.
      - id: had_configuration
        type: bool
        doc: Whether there is a configuration before this.
      - id: had_x_ignore_shared
        type: bool
        doc: Whether blocks carry an address, as far as is known.
      - id: had_mapped_ram
        type: bool
        doc: Whether blocks carry a mapped-ram header, as far as is known.
      - id: had_postcopy_advice
        type: bool
        doc: Whether blocks may carry the page size of the host.
      - id: id_ram_before
        type: u8
        doc: The `section_id` of RAM, 2^32 if it is not known.
      - id: footers_before
        type: u1
        doc: |
          Whether footers close sections: 0 not known yet, 1 yes, 2 no. The
          first section decides for all.
    instances:
      section_type:
        pos: ofs_self
        type: u1
        valid:
          expr: |
            _ <= 4 or _ == 8 or (_ == 6 and type_before == 0)
            or (_ == 7 and type_before == 0xff)
            or (_ == 5 and (type_before == 7 or type_before == 5))
        doc: |
          Kind of the section, as a number of `section::section_type`.
          CONFIGURATION (7) comes first, SUBSECTION (5) after it, VMDESCRIPTION
          (6) after EOF (0).
      is_end:
        value: section_type == 0
        doc: Whether the sections end here.
      is_start:
        value: section_type == 1 or section_type == 4
        doc: Whether this is the first or the only section of a device.
      is_part:
        value: section_type == 2 or section_type == 3
        doc: Whether this is a further section of a live device.
      is_subsection:
        value: section_type == 5
        doc: Whether this is a subsection of the configuration.
      is_vmdescription:
        value: section_type == 6
        doc: Whether this is the JSON description.
      is_configuration:
        value: section_type == 7
        doc: Whether this is the configuration.
      is_command:
        value: section_type == 8
        doc: Whether this is an instruction to the loader.
      configuration:
        pos: ofs_self
        type: configuration::configuration_header
        if: is_configuration
        doc: The machine type.
      subsection:
        pos: ofs_self
        type: configuration::configuration_subsection
        if: is_subsection
        doc: More of the configuration.
      start:
        pos: ofs_self
        type: section::section_start
        if: is_start
        doc: Header of START and FULL.
      part:
        pos: ofs_self
        type: section::section_part
        if: is_part
        doc: Header of PART and END.
      command:
        pos: ofs_self
        type: section::command
        if: is_command
        doc: An instruction to the loader.
      end_of_stream:
        pos: ofs_self
        type: section::end_of_stream
        if: is_end
        doc: The end of the sections.
      vmdescription:
        pos: ofs_self
        type: section::vmdescription
        if: is_vmdescription
        doc: Header of the JSON description.
      lists_capabilities:
        value: 'is_subsection ? subsection.is_capabilities : false'
        doc: Whether this lists capabilities; a list replaces the one before.
      has_configuration:
        value: had_configuration or is_configuration
        doc: |
          Whether there is a configuration. Without one nothing announces
          mapped-ram, and the first block has to show it.
      has_x_ignore_shared:
        value: |
          lists_capabilities ? subsection.has_x_ignore_shared
          : had_x_ignore_shared
        doc: Whether blocks carry an address, after this section.
      has_mapped_ram:
        value: |
          lists_capabilities ? subsection.has_mapped_ram
          : is_ram ? ram.has_mapped_ram : had_mapped_ram
        doc: Whether blocks carry a mapped-ram header, after this section.
      has_postcopy_advice:
        value: |
          is_command and not had_postcopy_advice
          ? command.is_postcopy_advice : had_postcopy_advice
        doc: Whether blocks may carry the page size of the host.
      section_id:
        value: |
          (is_start ? start.section_id : is_part ? part.section_id
          : 0.as<u4>).as<u4>
        doc: The `section_id`, 0 if there is none.
      is_ram_start:
        value: 'section_type == 1 ? start.idstr == "ram" : false'
        doc: Whether RAM begins here.
      is_ram_part:
        value: 'is_part ? section_id.as<u8> == id_ram_before : false'
        doc: Whether RAM continues here.
      is_ram:
        value: is_ram_start or is_ram_part
        doc: Whether the payload is RAM.
      takes_id:
        value: |
          section_type == 1 and not is_ram_start
          ? section_id.as<u8> == id_ram_before : false
        doc: Whether another live device takes the `section_id` of RAM.
      id_ram:
        value: |
          (is_ram_start ? section_id.as<u8> : takes_id ? 0x100000000.as<u8>
          : id_ram_before).as<u8>
        doc: The `section_id` of RAM after this section.
      is_opaque:
        value: (is_start or is_part) and not is_ram
        doc: Whether only a device understands the payload.
      is_packaged:
        value: 'is_command ? command.is_packaged : false'
        doc: Whether more of the stream follows the command.
      len_header:
        value: |
          (is_start ? (14 + start.len_idstr.as<u8>).as<u8>
          : is_command ? (5 + command.len_data.as<u8>).as<u8>
          : is_subsection ? subsection.len_self
          : is_configuration ? (5 + configuration.len_name.as<u8>).as<u8>
          : is_end ? 1.as<u8> : 5.as<u8>).as<u8>
        doc: Bytes of the header.
      ofs_payload:
        value: (ofs_self + len_header).as<u8>
        doc: Offset of the end of the header.
      ram:
        pos: ofs_payload
        type: |
          ram_payload(
            ofs_payload, had_configuration, had_x_ignore_shared,
            had_mapped_ram, had_postcopy_advice
          )
        if: is_ram
        doc: The records of RAM.
      search:
        pos: ofs_payload
        type: footer_search(ofs_payload, section_id)
        if: is_opaque and footers_before != 2
        doc: Offset of the end of a device's state.
      is_found:
        value: 'is_opaque and footers_before != 2 ? search.is_found : false'
        doc: Whether the end of the state was found.
      len_packaged:
        pos: ofs_self + 5
        type: u4
        valid:
          expr: _.as<u8> <= (_io.size.as<u8> - ofs_payload).as<u8>
        if: is_packaged
        doc: |
          Bytes of the sections and commands packaged behind the command, up to
          their own EOF.
      len_json:
        value: |
          (is_vmdescription
          ? (vmdescription.len_json.as<u8>
          <= (_io.size.as<u8> - ofs_payload).as<u8>
          ? vmdescription.len_json.as<u8>
          : (_io.size.as<u8> - ofs_payload).as<u8>)
          : 0.as<u8>).as<u8>
        doc: Bytes of the JSON text, as far as they are in the file.
      is_followed:
        value: 'is_ram ? ram.is_whole : is_opaque ? is_found : true'
        doc: Whether it is known where the payload ends.
      ofs_payload_end:
        value: |
          (is_ram ? ram.ofs_next : is_found ? search.ofs_end
          : is_packaged ? (ofs_payload + len_packaged.as<u8>).as<u8>
          : (ofs_payload + len_json).as<u8>).as<u8>
        doc: Offset of the end of the payload, or of the part that is followed.
      payload:
        pos: ofs_payload
        size: (ofs_payload_end - ofs_payload).as<u8>
        if: is_followed and not is_ram
        doc: The state of a device, the JSON text, or the packaged stream.
      has_type_after_payload:
        value: is_followed and ofs_payload_end < _io.size.as<u8>
        doc: Whether the file continues after the payload.
      type_after_payload:
        pos: ofs_payload_end
        type: u1
        if: has_type_after_payload
        doc: The byte after the payload.
      has_footer:
        value: |
          has_type_after_payload and (is_start or is_part)
          ? type_after_payload == 0x7e : false
        doc: Whether a footer follows.
      footer:
        pos: ofs_payload_end
        type: section::section_footer
        if: has_footer
        doc: The footer of the section.
      footers:
        value: |
          (has_footer ? 1.as<u1>
          : footers_before == 0 and is_followed and (is_start or is_part)
          ? 2.as<u1> : footers_before).as<u1>
        doc: Whether footers close sections, as `footers_before`.
      ofs_next:
        value: |
          (has_footer ? (ofs_payload_end + 5).as<u8>
          : ofs_payload_end).as<u8>
        doc: Offset of the next section.
      has_vmdescription:
        value: |
          is_end and has_type_after_payload ? type_after_payload == 6 : false
        doc: Whether the JSON description follows.
      is_last:
        value: |
          not is_followed or is_vmdescription
          or (is_end and not has_vmdescription)
          or ofs_next >= _io.size.as<u8>
        doc: Whether nothing follows, or this type cannot follow it.
  footer_search:
    doc: |
      The search for the end of a payload that only a device understands. Its
      length is not on the wire, so this is a guess: the first footer with the
      right `section_id` that a section can follow.
    params:
      - id: ofs_self
        type: u8
        doc: Offset of the payload.
      - id: section_id
        type: u4
        doc: The `section_id` that the footer must have.
    instances:
      pieces:
        pos: ofs_self
        type: |
          payload_piece(
            pieces.size == 0 ? ofs_self : pieces.last.ofs_next, ofs_self,
            section_id
          )
        repeat: until
        repeat-until: _.is_last
        doc: The payload, cut after each 0x7e.
      is_found:
        value: pieces.last.is_footer
        doc: Whether there is such a footer.
      ofs_end:
        value: pieces.last.ofs_stop
        doc: Offset of the end of the payload.
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
        doc: The `section_id` that the footer must have.
    instances:
      len_left:
        value: (_io.size.as<u8> - ofs_self).as<u8>
        doc: Bytes up to the end of the file.
      len_data:
        value: '(len_left < 4096.as<u8> ? len_left : 4096.as<u8>).as<u8>'
        doc: Number of bytes that are examined.
      data:
        pos: ofs_self
        size: len_data
        terminator: 0x7e
        doc: The bytes before the 0x7e, or all of them.
      ofs_stop:
        value: (ofs_self + data.size.as<u8>).as<u8>
        doc: Offset of the 0x7e, if there is one.
      has_room:
        value: |
          data.size.as<u8> < len_data
          and (ofs_stop + 6).as<u8> <= _io.size.as<u8>
        doc: Whether a footer and a byte after it fit there.
      id_here:
        pos: ofs_stop + 1
        type: u4
        if: has_room
        doc: The `section_id` of the footer, if it is one.
      look:
        pos: ofs_stop + 5
        type: section_look((ofs_stop + 5).as<u8>)
        if: has_room
        doc: The bytes after the footer, if it is one.
      is_footer:
        value: |
          has_room ? (id_here == section_id ? look.is_section : false) : false
        doc: Whether the payload ends here.
      ofs_next:
        value: |
          (data.size.as<u8> < len_data ? (ofs_stop + 1).as<u8>
          : ofs_stop).as<u8>
        doc: Offset of the next piece.
      is_last:
        value: |
          is_footer or ofs_next >= _io.size.as<u8>
          or (ofs_next - ofs_payload).as<u8> >= 0x10000000.as<u8>
        doc: |
          Whether the search is over: no device's state has 256 MiB.
  section_look:
    doc: Whether a section can begin here.
    params:
      - id: ofs_self
        type: u8
        doc: Offset of the type byte.
    instances:
      len_left:
        value: (_io.size.as<u8> - ofs_self).as<u8>
        doc: Bytes up to the end of the file.
      section_type:
        pos: ofs_self
        type: u1
        doc: The type byte.
      has_idstr:
        value: (section_type == 1 or section_type == 4) and len_left > 6
        doc: Whether there is a name.
      len_idstr:
        pos: ofs_self + 5
        type: u1
        if: has_idstr
        doc: Bytes of the name.
      len_letters:
        value: |
          (has_idstr
          ? (len_idstr.as<u8> < (len_left - 6).as<u8> ? len_idstr.as<u8>
          : (len_left - 6).as<u8>)
          : 0.as<u8>).as<u8>
        doc: Bytes of the name, as far as they are in the file.
      letters:
        pos: ofs_self + 6
        type: u1
        repeat: until
        repeat-until: |
          _ < 0x20 or _ > 0x7e or letters.size.as<u8> == len_letters
        if: len_letters != 0
        doc: The name, up to the first unprintable byte.
      is_printable:
        value: |
          len_letters != 0
          ? letters.size.as<u8> == len_letters and letters.last >= 0x20
          and letters.last <= 0x7e
          : false
        doc: Whether there is a printable name.
      command:
        pos: ofs_self + 1
        type: u2
        if: section_type == 8 and len_left >= 5
        doc: The number of the command.
      is_command:
        value: |
          section_type == 8 and len_left >= 5
          ? command != 0 and command <= 11 : false
        doc: Whether this is a known command.
      type_after:
        pos: ofs_self + 1
        type: u1
        if: section_type == 0 and len_left > 1
        doc: The byte after EOF.
      is_end:
        value: |
          section_type == 0
          ? (len_left > 1 ? type_after == 6 : true) : false
        doc: Whether this is EOF, followed by nothing or the description.
      is_section:
        value: |
          is_printable or is_command or is_end
          or ((section_type == 2 or section_type == 3) and len_left >= 5)
        doc: Whether a section, a command or the end can begin here.
  ram_payload:
    doc: The records of one section of RAM, up to and with EOS.
    params:
      - id: ofs_self
        type: u8
        doc: Offset of the first record.
      - id: has_configuration
        type: bool
        doc: Whether capabilities are announced.
      - id: has_x_ignore_shared
        type: bool
        doc: Whether blocks carry an address.
      - id: had_mapped_ram
        type: bool
        doc: Whether blocks carry a mapped-ram header, as far as is known.
      - id: has_postcopy_advice
        type: bool
        doc: Whether blocks may carry the page size of the host.
    instances:
      records:
        pos: ofs_self
        type: |
          ram_record(
            records.size == 0 ? ofs_self : records.last.ofs_next,
            has_configuration, has_x_ignore_shared,
            records.size == 0 ? had_mapped_ram : records.last.has_mapped_ram,
            has_postcopy_advice
          )
        repeat: until
        repeat-until: _.is_end
        doc: |
          MEM_SIZE as often as it occurs, then EOS. Without mapped-ram the list
          ends with the first record of a page.
      is_whole:
        value: not records.last.is_page
        doc: Whether the records were followed to EOS.
      has_mapped_ram:
        value: records.last.has_mapped_ram
        doc: Whether blocks carry a mapped-ram header.
      ofs_next:
        value: records.last.ofs_next
        doc: Offset of the end of the section.
  ram_record:
    doc: MEM_SIZE with its blocks, EOS, or the first record of a page.
    params:
      - id: ofs_self
        type: u8
        doc: Offset of the record.
      - id: has_configuration
        type: bool
        doc: Whether capabilities are announced.
      - id: has_x_ignore_shared
        type: bool
        doc: Whether blocks carry an address.
      - id: had_mapped_ram
        type: bool
        doc: Whether blocks carry a mapped-ram header, as far as is known.
      - id: has_postcopy_advice
        type: bool
        doc: Whether blocks may carry the page size of the host.
    instances:
      word:
        pos: ofs_self
        type: ram_word
        doc: The first eight bytes of the record.
      is_mem_size:
        value: word.flag == 0x004 or word.flag == 0x024
        doc: |
          Whether the record lists blocks. CONTINUE (0x020) with MEM_SIZE is
          refused there.
      is_page:
        value: |
          not (is_mem_size or had_mapped_ram or word.flag == 0x010
          or word.flag == 0x030)
        doc: |
          Whether this is the record of a page, as in streams without
          mapped-ram: see `ram::page_record`.
      mem_size:
        pos: ofs_self
        type: ram::mem_size
        if: is_mem_size
        doc: The sum of all blocks.
      end_of_section:
        pos: ofs_self
        type: ram::end_of_section
        if: not (is_mem_size or is_page)
        doc: The end of the section.
      is_end:
        value: |
          is_mem_size or is_page ? is_page : end_of_section.flag != 0
        doc: Whether the record is the last one; another than EOS is refused.
      len_first_idstr:
        pos: ofs_self + 8
        type: u1
        if: is_mem_size
        doc: The byte after the sum.
      has_blocks:
        value: |
          is_mem_size ? mem_size.is_mem_size and len_first_idstr != 0 : false
        doc: |
          Whether there are blocks. A record begins with a zero byte and the
          name of a block with its length, so that a zero byte ends the list.
      ofs_look:
        value: |
          (is_mem_size
          ? ((ofs_self + 17).as<u8> + len_first_idstr.as<u8>).as<u8>
          : ofs_self).as<u8>
        doc: Offset of a mapped-ram header in the first block.
      is_guessed:
        value: |
          is_mem_size and not has_configuration
          and (ofs_look + 12).as<u8> <= _io.size.as<u8>
        doc: Whether only the first block can show mapped-ram.
      look:
        pos: ofs_look
        type: mapped_ram_look
        if: is_guessed
        doc: The beginning of a mapped-ram header, if there is one.
      has_mapped_ram:
        value: |
          is_mem_size and not has_configuration
          ? (is_guessed ? look.is_mapped_ram : false) : had_mapped_ram
        doc: Whether blocks carry a mapped-ram header.
      blocks:
        pos: ofs_self
        type: |
          ramblock(
            blocks.size == 0 ? (ofs_self + 8).as<u8> : blocks.last.ofs_next,
            has_x_ignore_shared, has_mapped_ram, has_postcopy_advice
          )
        repeat: until
        repeat-until: _.len_next_idstr == 0
        if: has_blocks
        doc: The blocks, in the order of the file.
      ofs_next:
        value: |
          (has_blocks ? blocks.last.ofs_next : is_page ? ofs_self
          : (ofs_self + 8).as<u8>).as<u8>
        doc: |
          Offset of the end of the record; the record of a page is not followed.
  ram_word:
    doc: A number with flags, the start of each record.
    seq:
      - id: number_high
        type: u4
        doc: The upper half of the number.
      - id: number_low
        type: b22
        doc: The rest of the number.
      - id: flag
        type: b10
        doc: The flags.
  mapped_ram_look:
    doc: Detection of a mapped-ram header that nothing announces.
    seq:
      - id: version
        type: u4
        doc: The version, 0 or 1.
      - id: page_size
        type: u8
        doc: A power of two.
    instances:
      is_mapped_ram:
        value: |
          version <= 1
          and (page_size.as<u8> == 0x100.as<u8>
          or page_size.as<u8> == 0x200.as<u8>
          or page_size.as<u8> == 0x400.as<u8>
          or page_size.as<u8> == 0x800.as<u8>
          or page_size.as<u8> == 0x1000.as<u8>
          or page_size.as<u8> == 0x2000.as<u8>
          or page_size.as<u8> == 0x4000.as<u8>
          or page_size.as<u8> == 0x8000.as<u8>
          or page_size.as<u8> == 0x10000.as<u8>)
        doc: Whether this is one.
  ramblock:
    doc: One block at a known place, with its bitmap and its pages.
    params:
      - id: ofs_self
        type: u8
        doc: Offset of the header of the block.
      - id: has_x_ignore_shared
        type: bool
        doc: Whether the block carries an address.
      - id: has_mapped_ram
        type: bool
        doc: Whether the block carries a mapped-ram header.
      - id: has_postcopy_advice
        type: bool
        doc: Whether the block may carry the page size of the host.
    instances:
      len_idstr:
        pos: ofs_self
        type: u1
        doc: Bytes of the name.
      ofs_look:
        value: ((ofs_self + 17).as<u8> + len_idstr.as<u8>).as<u8>
        doc: Offset of the version, if the page size of the host comes first.
      can_have_page_size:
        value: has_postcopy_advice and has_mapped_ram
        doc: Whether there may be a page size of the host.
      has_version_behind:
        value: |
          can_have_page_size and (ofs_look + 4).as<u8> <= _io.size.as<u8>
        doc: Whether the file has the bytes that show it.
      version_behind:
        pos: ofs_look
        type: u4
        if: has_version_behind
        doc: The version of the header, if a page size precedes it.
      has_page_size:
        value: |
          has_version_behind ? version_behind <= 1 : can_have_page_size
        doc: Whether the block carries the page size of the host.
      header:
        pos: ofs_self
        type: |
          ram::ramblock_header(
            has_page_size, has_x_ignore_shared, has_mapped_ram,
            ofs_after_header, _io.size.as<u8>
          )
        doc: The header of the block.
      ofs_after_header:
        value: |
          ((((ofs_self + 9).as<u8> + len_idstr.as<u8>).as<u8>
          + (has_page_size ? 8.as<u8> : 0.as<u8>).as<u8>).as<u8>
          + ((has_x_ignore_shared ? 8.as<u8> : 0.as<u8>).as<u8>
          + (has_mapped_ram ? 28.as<u8> : 0.as<u8>).as<u8>).as<u8>).as<u8>
        doc: Offset of the end of the header.
      has_data:
        value: |
          has_mapped_ram
          ? header.mapped_ram.ofs_bitmap != 0 or header.mapped_ram.ofs_pages != 0
          : false
        doc: Whether the bitmap and the pages are in this file.
      num_pages:
        value: |
          (has_data and header.mapped_ram.page_size > 0
          ? (header.len_used / header.mapped_ram.page_size).as<u8>
          : 0.as<u8>).as<u8>
        doc: Number of pages of the block.
      len_bitmap:
        value: (((num_pages + 63).as<u8> / 64).as<u8> * 8).as<u8>
        doc: Bytes of the bitmap, as a host with words of 64 bits writes it.
      bitmap:
        pos: header.mapped_ram.ofs_bitmap
        size: len_bitmap
        if: has_data
        doc: |
          One bit for each page, in words of the host that wrote the file. On a
          little-endian host page p is bit p mod 8 of byte p / 8.
      ofs_bitmap_end:
        value: |
          (has_data ? (header.mapped_ram.ofs_bitmap.as<u8> + len_bitmap).as<u8>
          : 0.as<u8>).as<u8>
        doc: Offset of the end of the bitmap.
      has_padding:
        value: |
          has_data ? header.mapped_ram.ofs_pages.as<u8> > ofs_bitmap_end : false
        doc: Whether there are bytes between the bitmap and the pages.
      padding:
        pos: ofs_bitmap_end
        size: (header.mapped_ram.ofs_pages.as<u8> - ofs_bitmap_end).as<u8>
        pad-right: 0
        valid: '[].as<bytes>'
        if: has_padding
        doc: |
          Zeros from the end of the bitmap to the first page, which are not
          kept. Any other byte is refused, but only on access.
      pages:
        pos: header.mapped_ram.ofs_pages
        size: header.len_used
        if: has_data
        doc: |
          The pages, each at its number times the page size. The bytes of a page
          with a clear bit mean nothing: the page is zero.
      ofs_next:
        value: |
          (has_data ? (header.mapped_ram.ofs_pages + header.len_used).as<u8>
          : header.ofs_end).as<u8>
        doc: |
          Offset of the end of the pages, where the next block or record begins.
      len_next_idstr:
        pos: ofs_next
        type: u1
        doc: First byte of what follows the block.
