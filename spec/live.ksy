meta:
  id: live
  title: Hand-written sections of a QEMU migration stream
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
  Records of live devices other than RAM, which no JSON describes. Each payload
  is a sequence of records; the bytes that a record announces follow it.
doc-ref: 'QEMU migration/savevm.c: qemu_savevm_state_iterate()'
types:
  dirty_bitmap_chunk:
    doc: |
      One chunk of the device "dirty-bitmap". EOS among its flags ends the
      section. Names are omitted if they are those of the previous chunk.
    doc-ref: 'QEMU migration/block-dirty-bitmap.c: send_bitmap_header(), send_bitmap_bits()'
    seq:
      - id: chunk_flags
        type: u1
        valid:
          max: 0x7f
        doc: |
          EOS (0x01), ZEROES (0x02), BITMAP_NAME (0x04), DEVICE_NAME (0x08),
          START (0x10), COMPLETE (0x20) and BITS (0x40). A longer form, with the
          top bit set, is not in use.
      - id: len_node_name
        -orig-id: len
        type: u1
        if: (chunk_flags & 0x08) != 0
        doc: Length of the name in bytes.
      - id: node_name
        size: len_node_name
        type: str
        if: (chunk_flags & 0x08) != 0
        doc: Name of the block node.
      - id: len_bitmap_name
        -orig-id: len
        type: u1
        if: (chunk_flags & 0x04) != 0
        doc: Length of the name in bytes.
      - id: bitmap_name
        size: len_bitmap_name
        type: str
        if: (chunk_flags & 0x04) != 0
        doc: Name of the dirty bitmap.
      - id: granularity
        type: u4
        if: (chunk_flags & 0x10) != 0
        doc: Bytes of the disk for each bit.
      - id: bitmap_flags
        type: u1
        if: (chunk_flags & 0x10) != 0
        doc: Whether the bitmap is enabled (1) and persistent (2).
      - id: first_sector
        type: u8
        if: (chunk_flags & 0x40) != 0
        doc: The first sector of 512 bytes that the bits cover.
      - id: nr_sectors
        type: u4
        if: (chunk_flags & 0x40) != 0
        doc: Number of sectors that the bits cover.
      - id: len_bits
        -orig-id: buf_size
        type: u8
        if: (chunk_flags & 0x42) == 0x40
        doc: Bytes of the bits that follow; none with ZEROES.
  htab_header:
    doc: Opens each section of the device "spapr/htab".
    doc-ref: 'QEMU hw/ppc/spapr.c: htab_save_setup(), htab_save_iterate()'
    seq:
      - id: section_hdr
        type: u4
        doc: |
          0xffffffff if there is no table, its shift in the first section, 0 if
          chunks follow.
  htab_chunk:
    doc: |
      Consecutive entries of the hash table, of 16 bytes each; invalid ones are
      only counted. A chunk of zeros ends the section.
    doc-ref: 'QEMU hw/ppc/spapr.c: htab_save_chunk(), htab_save_end_marker()'
    seq:
      - id: index
        type: u4
        doc: Number of the first entry.
      - id: n_valid
        type: u2
        doc: Number of entries that follow.
      - id: n_invalid
        type: u2
        doc: Number of invalid entries after those.
  storage_attributes:
    doc: |
      A record of the devices "s390-storage_attributes" and "s390-skeys". EOS
      (0x01) ends the section.
    doc-ref: 'QEMU hw/s390x/s390-stattrib.c: cmma_save(); s390-skeys.c: s390_storage_keys_save()'
    seq:
      - id: addr_high
        -part-of: addr_and_flags
        type: u4
        doc: |
          Guest-physical address, with EOS (0x01), MORE or KEYS (0x02), ERROR
          (0x04) or DONE (0x08) in the low bits.
      - id: addr_low
        -part-of: addr_and_flags
        type: b28
        doc: |
          The rest of the address; its low four bits are zero, and not written.
      - id: flags
        -part-of: addr_and_flags
        type: b4
        doc: The flags.
      - id: num_values
        -orig-id: count
        type: u8
        if: flags == 2
        doc: Bytes of the values that follow.
  vfio_record:
    doc: A record of a VFIO device.
    doc-ref: 'QEMU hw/vfio/migration.c: vfio_save_setup(), vfio_save_iterate()'
    seq:
      - id: tag_high
        type: u4
        valid: 0xffffffff
        doc: The upper half of the tag.
      - id: tag
        type: u4
        valid:
          min: 0xef100001
          max: 0xef100006
        doc: |
          END_OF_STATE (1), DEV_CONFIG_STATE (2), DEV_SETUP_STATE (3),
          DEV_DATA_STATE (4), DEV_INIT_DATA_SENT (5) or DEV_CONFIG_LOAD_READY
          (6) in the low bits.
      - id: data_size
        type: u8
        if: tag == 0xef100004
        doc: Bytes of the data that follow.
