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
  The header of each RAM block says where its bitmap and its pages stand; a set
  bit means that the page is in the file, a clear bit that the page is zero.
  The stream goes on after the pages of the last block.

  This type follows the stream from its header to the end of the RAM part, that
  is, up to the first section whose payload only a device understands
  (`ofs_rest`). Offsets in the headers count from the beginning of the file: to
  read a stream that begins elsewhere, position the stream there first.
doc-ref: 'QEMU docs/devel/migration/mapped-ram.rst'
seq:
  - id: header
    type: stream_header
    doc: Magic and version.
  - id: configuration
    type: configuration
    if: has_configuration
    doc: Machine type and capabilities.
  - id: sections
    type: |
      stream_section(
        sections.size == 0 ? _io.pos.as<u8> : sections.last.ofs_next,
        has_configuration ? configuration.has_x_ignore_shared : false,
        has_configuration ? configuration.has_mapped_ram : true,
        sections.size == 0 ? 0.as<u4> : sections.last.id_ram
      )
    repeat: until
    repeat-until: _.is_last
    doc: |
      The sections up to the end of the stream, or up to the first one with an
      opaque payload. Each takes no bytes of the sequence.
instances:
  type_after_header:
    pos: _io.pos
    type: u1
    doc: The byte after the stream header.
  has_configuration:
    value: type_after_header == 7
    doc: |
      Whether there is a configuration section. Without one nothing announces
      mapped-ram; this type then takes it for granted.
  ofs_rest:
    value: sections.last.ofs_next
    doc: Where the part that this type does not follow begins.
types:
  stream_section:
    doc: One section at a known place.
    params:
      - id: ofs_self
        type: u8
        doc: Offset of the type byte.
      - id: has_x_ignore_shared
        type: bool
        doc: Whether blocks carry an address.
      - id: has_mapped_ram
        type: bool
        doc: Whether blocks carry a mapped-ram header.
      - id: id_ram_before
        type: u4
        doc: The `section_id` of RAM, where it is known already.
    instances:
      section_type:
        pos: ofs_self
        type: u1
        valid:
          any-of: [0, 1, 2, 3, 4, 8]
        doc: |
          What kind of section this is, by the numbers of
          `section::section_type`: EOF, START, PART, END, FULL or COMMAND.
      is_end:
        value: section_type == 0
        doc: Whether the sections end here.
      is_part:
        value: section_type == 2 or section_type == 3
        doc: Whether this is a further section of a live device.
      is_command:
        value: section_type == 8
        doc: Whether this is an instruction to the loader.
      start:
        pos: ofs_self
        type: section::section_start
        if: section_type == 1 or section_type == 4
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
      is_ram_start:
        value: 'section_type == 1 ? start.idstr == "ram" : false'
        doc: Whether RAM begins here.
      id_ram:
        value: '(is_ram_start ? start.section_id : id_ram_before).as<u4>'
        doc: The `section_id` of RAM after this section.
      is_ram_part:
        value: 'is_part ? part.section_id == id_ram_before : false'
        doc: Whether RAM goes on here.
      is_ram:
        value: is_ram_start or is_ram_part
        doc: Whether the payload is RAM.
      len_start:
        value: '(is_ram_start ? (14 + start.len_idstr.as<u8>).as<u8> : 0.as<u8>).as<u8>'
        doc: Length of the header, if RAM begins here.
      len_command:
        value: '(is_command ? (5 + command.len_data.as<u8>).as<u8> : 0.as<u8>).as<u8>'
        doc: Length of the command, if this is one.
      ofs_payload:
        value: |
          (ofs_self + len_start + len_command
          + (is_ram_part ? 5.as<u8> : 0.as<u8>)
          + (is_end ? 1.as<u8> : 0.as<u8>)).as<u8>
        doc: |
          Where the header ends; of a section that this type does not follow,
          where it begins.
      ram:
        pos: ofs_payload
        type: ram_payload(ofs_payload, has_x_ignore_shared, has_mapped_ram)
        if: is_ram
        doc: The records of RAM.
      ofs_payload_end:
        value: '(is_ram ? ram.ofs_next : ofs_payload).as<u8>'
        doc: Where the payload ends.
      has_type_after_payload:
        value: is_ram and ofs_payload_end < _io.size.as<u8>
        doc: Whether the file goes on after the payload.
      type_after_payload:
        pos: ofs_payload_end
        type: u1
        if: has_type_after_payload
        doc: The byte after the payload.
      has_footer:
        value: 'has_type_after_payload ? type_after_payload == 0x7e : false'
        doc: Whether a footer follows.
      footer:
        pos: ofs_payload_end
        type: section::section_footer
        if: has_footer
        doc: The footer of the section.
      ofs_next:
        value: '(has_footer ? (ofs_payload_end + 5).as<u8> : ofs_payload_end).as<u8>'
        doc: Where the next section begins.
      is_last:
        value: not (is_ram or is_command) or ofs_next >= _io.size.as<u8>
        doc: Whether this type can follow the stream no further.
  ram_payload:
    doc: The records of one section of RAM, up to and with EOS.
    params:
      - id: ofs_self
        type: u8
        doc: Offset of the first record.
      - id: has_x_ignore_shared
        type: bool
        doc: Whether blocks carry an address.
      - id: has_mapped_ram
        type: bool
        doc: Whether blocks carry a mapped-ram header.
    instances:
      records:
        pos: ofs_self
        type: |
          ram_record(
            records.size == 0 ? ofs_self : records.last.ofs_next,
            has_x_ignore_shared, has_mapped_ram
          )
        repeat: until
        repeat-until: _.is_end
        doc: MEM_SIZE as often as it occurs, then EOS.
      ofs_next:
        value: records.last.ofs_next
        doc: Where the section ends.
  ram_record:
    doc: MEM_SIZE with its blocks, or EOS.
    params:
      - id: ofs_self
        type: u8
        doc: Offset of the record.
      - id: has_x_ignore_shared
        type: bool
        doc: Whether blocks carry an address.
      - id: has_mapped_ram
        type: bool
        doc: Whether blocks carry a mapped-ram header.
    instances:
      word:
        pos: ofs_self
        type: u8
        doc: The first eight bytes of the record.
      low_bytes:
        pos: ofs_self + 6
        type: u2
        doc: The last two bytes of the word.
      is_mem_size:
        value: 'word != 0 and (low_bytes & 0x3ff) == 4'
        doc: Whether the record lists blocks.
      mem_size:
        pos: ofs_self
        type: ram::mem_size
        if: is_mem_size
        doc: The sum of all blocks.
      end_of_section:
        pos: ofs_self
        type: ram::end_of_section
        if: not is_mem_size
        doc: The end of the section.
      is_end:
        value: 'is_mem_size ? false : end_of_section.low != 0'
        doc: Whether the record is EOS; any other is refused.
      len_first_idstr:
        pos: ofs_self + 8
        type: u1
        if: is_mem_size
        doc: The byte after the sum.
      has_blocks:
        value: 'is_mem_size ? len_first_idstr != 0 : false'
        doc: |
          Whether there are blocks. A record begins with a zero byte and the
          name of a block with its length, so that a zero byte ends the list.
      blocks:
        pos: ofs_self
        type: |
          ramblock(
            blocks.size == 0 ? (ofs_self + 8).as<u8> : blocks.last.ofs_next,
            has_x_ignore_shared, has_mapped_ram
          )
        repeat: until
        repeat-until: _.len_next_idstr == 0
        if: has_blocks
        doc: The blocks, in the order of the file.
      ofs_next:
        value: '(has_blocks ? blocks.last.ofs_next : (ofs_self + 8).as<u8>).as<u8>'
        doc: Where the record ends.
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
    instances:
      header:
        pos: ofs_self
        type: ram::ramblock_header(false, has_x_ignore_shared, has_mapped_ram)
        doc: The header of the block.
      ofs_after_header:
        value: |
          (ofs_self + 9 + header.len_idstr.as<u8>
          + (has_x_ignore_shared ? 8.as<u8> : 0.as<u8>)
          + (has_mapped_ram ? 28.as<u8> : 0.as<u8>)).as<u8>
        doc: Where the header ends.
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
          (has_data ? (header.mapped_ram.ofs_bitmap + len_bitmap).as<u8>
          : 0.as<u8>).as<u8>
        doc: Where the bitmap ends.
      has_padding:
        value: 'has_data ? header.mapped_ram.ofs_pages > ofs_bitmap_end : false'
        doc: Whether there are bytes between the bitmap and the pages.
      padding:
        pos: ofs_bitmap_end
        size: (header.mapped_ram.ofs_pages - ofs_bitmap_end).as<u8>
        if: has_padding
        doc: Zeros from the end of the bitmap to the first page.
      pages:
        pos: header.mapped_ram.ofs_pages
        size: header.len_used
        if: has_data
        doc: |
          The pages, each at its number times the page size. What stands under
          a clear bit means nothing: the page is zero.
      ofs_pages:
        pos: ofs_after_header - 8
        type: u8
        valid:
          expr: |
            _ >= 0 and _ <= _io.size.as<u8> and header.len_used >= 0
            and header.len_used <= (_io.size.as<u8> - _).as<u8>
            and (_ + header.len_used).as<u8> >= ofs_after_header
        if: has_data
        doc: |
          The `pages_offset` of the header once more. The pages have to lie in
          the file, or nothing after them can be found, and to end behind the
          header, lest a reader go round in circles.
      ofs_next:
        value: |
          (has_data ? (ofs_pages + header.len_used).as<u8>
          : ofs_after_header).as<u8>
        doc: Where the pages end, and the next block or record begins.
      len_next_idstr:
        pos: ofs_next
        type: u1
        doc: First byte of what follows the block.
