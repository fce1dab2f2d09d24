meta:
  id: ram
  title: RAM section of a QEMU migration stream
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
  The records of the section "ram". With mapped-ram only two occur: MEM_SIZE,
  which lists the RAM blocks, and EOS. The pages are outside the stream, each at
  its own place.
doc-ref: 'QEMU migration/ram.c: ram_save_setup()'
types:
  mem_size:
    -orig-id: RAM_SAVE_FLAG_MEM_SIZE
    doc: Opens the list of RAM blocks.
    doc-ref: 'QEMU migration/ram.c: ram_save_setup()'
    seq:
      - id: total_high
        -part-of: total_and_flags
        type: u4
        doc: |
          Sum of `used_length` over all blocks, including those without data,
          with the flag MEM_SIZE (4) in the low bits.
      - id: total_low
        -part-of: total_and_flags
        type: b22
        doc: The rest of the sum; its low ten bits are zero, and not written.
      - id: flag
        -part-of: total_and_flags
        type: b10
        enum: ram_save_flag
        valid: ram_save_flag::mem_size
        doc: The flag MEM_SIZE, alone.
    instances:
      is_mem_size:
        value: flag == ram_save_flag::mem_size
        doc: Whether blocks follow, which is required.
      total:
        value: |
          ((total_high.as<u8> * 0x100000000.as<u8>).as<u8>
          + (total_low.as<u8> * 1024.as<u8>).as<u8>).as<u8>
        doc: Sum of `used_length` over all blocks.
  end_of_section:
    -orig-id: RAM_SAVE_FLAG_EOS
    doc: |
      Ends each section of RAM. A loader looks at the flag only; a writer
      leaves everything else zero.
    doc-ref: 'QEMU migration/ram.c: ram_load_precopy()'
    seq:
      - id: number_high
        -part-of: flags
        type: u4
        doc: The flag EOS (0x10), with CONTINUE (0x20) allowed beside it.
      - id: number_low
        -part-of: flags
        type: b22
        doc: The rest of the number.
      - id: flag
        -part-of: flags
        type: b10
        valid:
          any-of: [0x010, 0x030]
        doc: The flag EOS, with CONTINUE or without.
  page_record:
    doc: |
      The record of one page in a stream without mapped-ram. The sections PART
      and END consist of these, and the last record of a page wins.
    doc-ref: 'QEMU migration/ram.c: ram_save_target_page(), ram_load_precopy()'
    params:
      - id: len_page
        type: u4
        doc: Size of a target page in bytes.
    seq:
      - id: addr_and_flags
        type: u8
        valid:
          expr: |
            _ != 0 and (low == 0x002 or low == 0x022 or low == 0x008
            or low == 0x028 or low == 0x040 or low == 0x060 or low == 0x100
            or low == 0x120 or low == 0x200)
        doc: |
          Offset of the page in its block, with a flag in the low bits: ZERO
          (0x02), PAGE (0x08), XBZRLE (0x40), COMPRESS_PAGE (0x100) or
          MULTIFD_FLUSH (0x200). CONTINUE (0x20) means the block of the previous
          record.
      - id: len_idstr
        -orig-id: len
        type: u1
        if: has_idstr
        doc: Length of the name in bytes.
      - id: idstr
        size: len_idstr
        type: str
        if: has_idstr
        doc: Name of the block.
      - id: fill
        type: u1
        valid: 0
        if: flag == 0x02
        doc: The byte that fills the page.
      - id: page
        size: len_page
        if: flag == 0x08
        doc: The bytes of the page.
      - id: xbzrle
        type: xbzrle_page
        if: flag == 0x40
        doc: The changes to the page.
      - id: len_compressed
        -orig-id: len
        type: u4
        valid:
          expr: _ <= len_page + len_page / 8 + 64
        if: flag == 0x100
        doc: Length of the compressed page in bytes.
      - id: compressed
        size: len_compressed
        if: flag == 0x100
        doc: The page as one zlib stream (RFC 1950).
    instances:
      flags_end:
        value: '(len_page < 1024 ? len_page : (1024).as<u4>).as<u8>'
        doc: |
          First number that is not a flag: flags have ten bits, and with smaller
          pages the upper ones belong to the address.
      remainder:
        value: (addr_and_flags - ((addr_and_flags / flags_end).as<u8> * flags_end).as<u8>).as<u8>
        doc: |
          Value of the low bits. Where integers are signed, `flags_end` less
          than that if the top bit is set.
      low:
        value: '(remainder >= 0 ? remainder : (remainder + flags_end).as<u8>).as<u4>'
        doc: The low bits, which hold the flags.
      flag:
        value: |
          (low == 0x022 or low == 0x028 or low == 0x060 or low == 0x120
          ? (low - 0x020).as<u4> : low).as<u4>
        doc: The flag without CONTINUE.
      has_idstr:
        value: low == 0x02 or low == 0x08 or low == 0x40 or low == 0x100
        doc: Whether the name of a block follows.
  xbzrle_page:
    doc: |
      The difference from the previous contents of the page, as runs of equal
      and of new bytes.
    doc-ref: 'QEMU migration/xbzrle.c: xbzrle_encode_buffer()'
    seq:
      - id: encoding
        -orig-id: ENCODING_FLAG_XBZRLE
        type: u1
        valid: 1
        doc: Encoding of the difference; there is only one.
      - id: len_encoded
        -orig-id: xh_len
        type: u2
        doc: Length of the difference in bytes, at most that of a page.
      - id: encoded
        size: len_encoded
        doc: Lengths of runs, and the new bytes.
  ramblock_header:
    -orig-id: RAMBlock
    doc: One RAM block, as MEM_SIZE lists it.
    doc-ref: 'QEMU migration/ram.c: ram_save_setup(), parse_ramblock()'
    params:
      - id: has_page_size
        type: bool
        doc: |
          Whether the capability postcopy-ram added the page size of the host.
      - id: has_addr
        type: bool
        doc: Whether the capability x-ignore-shared added the address.
      - id: has_mapped_ram
        type: bool
        doc: Whether the capability mapped-ram added its header.
      - id: ofs_end
        type: u8
        doc: Offset of the end of the header, if the file is known.
      - id: len_file
        type: u8
        doc: Size of the file in bytes, 0 if it is not known.
    seq:
      - id: len_idstr
        -orig-id: len
        type: u1
        valid:
          min: 1
        doc: Length of the name in bytes.
      - id: idstr
        size: len_idstr
        type: str
        doc: Name of the block, unique in the file.
      - id: len_used
        -orig-id: used_length
        type: u8
        doc: Bytes of guest memory in this block, a whole number of pages.
      - id: page_size
        type: u8
        if: has_page_size
        doc: Page size of the host memory behind the block.
      - id: addr
        type: u8
        if: has_addr
        doc: |
          Offset of the region in its container, which is not always the
          guest-physical address.
      - id: mapped_ram
        type: mapped_ram_header(len_used, ofs_end, len_file)
        if: has_mapped_ram
        doc: The place of the block's pages in the file.
  mapped_ram_header:
    -orig-id: MappedRamHeader
    doc: The places of a block's bitmap and pages in the file.
    doc-ref: 'QEMU migration/ram.c: mapped_ram_setup_ramblock(), mapped_ram_read_header()'
    params:
      - id: len_used
        type: u8
        doc: Bytes of guest memory in the block.
      - id: ofs_end
        type: u8
        doc: Offset of the end of the header, if the file is known.
      - id: len_file
        type: u8
        doc: Size of the file in bytes, 0 if it is not known.
    seq:
      - id: version
        type: u4
        valid:
          max: 1
        doc: Version of this header. Writers use 1, loaders also accept 0.
      - id: page_size
        type: u8
        doc: Size of a target page in bytes, a power of two.
      - id: ofs_bitmap
        -orig-id: bitmap_offset
        type: u8
        doc: |
          Offset of the bitmap from the beginning of the file, not of the
          stream. Zero, like `pages_offset`, for a block without data in this
          file.
      - id: ofs_pages
        -orig-id: pages_offset
        -should-align: 0x100000
        type: u8
        valid:
          expr: |
            len_file == 0 or (_ == 0 and ofs_bitmap == 0)
            or (_ >= 0 and _.as<u8> <= len_file and len_used >= 0
            and len_used <= (len_file - _.as<u8>).as<u8>
            and (_.as<u8> + len_used).as<u8> >= ofs_end)
        doc: |
          Offset of the first page from the beginning of the file, a multiple
          of 1 MiB as QEMU writes it.
enums:
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
      doc: 'With another flag: the block of the previous record.'
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
      doc: Synchronises channels; not with mapped-ram.
