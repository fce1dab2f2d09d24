meta:
  id: qcow2
  title: Internal snapshots of a qcow2 disk image
  application: QEMU
  file-extension: qcow2
  xref:
    wikidata: Q1134546
  tags:
    - filesystem
    - virtualization
  license: CC0-1.0
  ks-version: 0.11
  endian: be
doc: |
  The parts of a qcow2 image that lead to the VM state of an internal snapshot
  (`savevm`, `snapshot-save`): the header, the table of snapshots, and for each
  of them its own L1 table, and the L2 tables. The VM state is a migration
  stream, with mapped-ram or without, behind the end of the virtual disk.

  Refcounts, bitmaps, and the active L1 table are not followed: they say nothing
  of a snapshot.
doc-ref: 'QEMU docs/interop/qcow2.rst'
instances:
  header:
    pos: 0
    type: qcow2_header
    doc: The fixed part of the image.
  snapshots:
    type: |
      snapshot_place(
        (_index == 0 ? header.ofs_snapshots : snapshots[_index - 1].ofs_next).as<u8>
      )
    repeat: expr
    repeat-expr: header.num_snapshots
    doc: The snapshots, in the order of their table.
types:
  qcow2_header:
    -orig-id: QCowHeader
    doc: The first bytes of a qcow2 image.
    doc-ref: 'QEMU block/qcow2.h: QCowHeader; block/qcow2.c: qcow2_do_open()'
    seq:
      - id: magic
        -orig-id: QCOW_MAGIC
        contents: [0x51, 0x46, 0x49, 0xfb]
        doc: The bytes "QFI" and 0xfb.
      - id: version
        type: u4
        valid:
          any-of: [2, 3]
        doc: Version of the image; `qemu-img` calls them compat 0.10 and 1.1.
      - id: ofs_backing_file
        -orig-id: backing_file_offset
        type: u8
        doc: Offset of the name of the backing file, 0 if there is none.
      - id: len_backing_file
        -orig-id: backing_file_size
        type: u4
        doc: Length of that name in bytes.
      - id: cluster_bits
        type: u4
        valid:
          min: 9
          max: 21
        doc: Base-two logarithm of the size of a cluster in bytes.
      - id: len_disk
        -orig-id: size
        type: u8
        doc: Size of the virtual disk in bytes.
      - id: crypt_method
        type: u4
        enum: qcow2_crypt
        doc: "How clusters are encrypted: 0 not at all, 1 AES, 2 LUKS."
      - id: num_l1
        -orig-id: l1_size
        type: u4
        valid:
          max: 4194304
        doc: Entries in the active L1 table; QEMU takes 32 MiB of them.
      - id: ofs_l1
        -orig-id: l1_table_offset
        type: u8
        doc: Offset of the active L1 table.
      - id: ofs_refcount_table
        -orig-id: refcount_table_offset
        type: u8
        doc: Offset of the table of refcount blocks.
      - id: num_refcount_clusters
        -orig-id: refcount_table_clusters
        type: u4
        doc: Number of clusters of that table.
      - id: num_snapshots
        -orig-id: nb_snapshots
        type: u4
        valid:
          max: 65536
        doc: Number of snapshots.
      - id: ofs_snapshots
        -orig-id: snapshots_offset
        type: u8
        doc: Offset of the table of snapshots.
      - id: incompatible_features
        type: u8
        valid:
          max: 0x1f
        if: version == 3
        doc: |
          Bits that a reader has to know: dirty (1), corrupt (2), an external
          data file (4), another compression than deflate (8), and extended L2
          entries (0x10).
      - id: compatible_features
        type: u8
        if: version == 3
        doc: Bits that a reader may ignore.
      - id: autoclear_features
        type: u8
        if: version == 3
        doc: Bits that a writer clears where it does not know them.
      - id: refcount_order
        type: u4
        valid:
          max: 6
        if: version == 3
        doc: Base-two logarithm of the bits of a refcount; 4 in version 2.
      - id: len_header
        -orig-id: header_length
        type: u4
        valid:
          min: 104
        if: version == 3
        doc: Bytes of the header; 72 in version 2.
      - id: compression_type
        type: u1
        enum: qcow2_compression
        if: has_compression_type
        doc: "How compressed clusters are compressed: 0 deflate, 1 zstd."
    instances:
      has_compression_type:
        value: 'version == 3 ? len_header > 104 : false'
        doc: Whether the header is long enough for the compression.
      is_extended:
        value: 'version == 3 ? incompatible_features >= 0x10 : false'
        doc: Whether L2 entries are of 16 bytes, with a bitmap of subclusters.
      len_l2_entry:
        value: '(is_extended ? 16.as<u8> : 8.as<u8>).as<u8>'
        doc: Bytes of an L2 entry.
      bits_below_8:
        value: |
          (cluster_bits >= 17 ? (cluster_bits - 17).as<u4>
          : (cluster_bits - 9).as<u4>).as<u4>
        doc: Low three bits of `cluster_bits - 9`.
      bits_below_4:
        value: |
          (bits_below_8 >= 4 ? (bits_below_8 - 4).as<u4>
          : bits_below_8.as<u4>).as<u4>
        doc: Low two bits of `cluster_bits - 9`.
      len_quarter:
        value: |
          ((cluster_bits >= 17 ? 32768.as<u8> : 128.as<u8>).as<u8>
          * (bits_below_8 >= 4 ? 16.as<u8> : 1.as<u8>).as<u8>).as<u8>
        doc: Bytes of a cluster, but for the low two bits of `cluster_bits - 9`.
      len_cluster:
        value: |
          (len_quarter * (bits_below_4 == 3 ? 32.as<u8> : bits_below_4 == 2
          ? 16.as<u8> : bits_below_4 == 1 ? 8.as<u8> : 4.as<u8>).as<u8>).as<u8>
        doc: Bytes of a cluster.
      num_l2:
        value: (len_cluster / len_l2_entry).as<u8>
        doc: Number of entries in an L2 table, which fills a cluster.
  qcow2_snapshot:
    -orig-id: QCowSnapshotHeader
    doc: |
      One entry of the table of snapshots. Each entry begins at the next
      multiple of 8 bytes behind the one before.
    doc-ref: 'QEMU block/qcow2-snapshot.c: qcow2_do_read_snapshots()'
    seq:
      - id: ofs_l1
        -orig-id: l1_table_offset
        type: u8
        doc: Offset of the L1 table of the snapshot.
      - id: num_l1
        -orig-id: l1_size
        type: u4
        valid:
          max: 4194304
        doc: Entries in that L1 table; QEMU takes 32 MiB of them.
      - id: len_id_str
        -orig-id: id_str_size
        type: u2
        doc: Length of the id in bytes.
      - id: len_name
        -orig-id: name_size
        type: u2
        doc: Length of the name in bytes.
      - id: date_sec
        type: u4
        doc: Time of the snapshot in seconds since 1970.
      - id: date_nsec
        type: u4
        doc: Nanoseconds of that time.
      - id: vm_clock_nsec
        type: u8
        doc: Time that the guest had been running, in nanoseconds.
      - id: vm_state_size
        type: u4
        doc: |
          Bytes of the VM state that were written, 0 if there is none. It does
          not count if `vm_state_size_large` is there.
      - id: len_extra_data
        -orig-id: extra_data_size
        type: u4
        valid:
          max: 1024
        doc: Bytes between these fields and the id.
      - id: vm_state_size_large
        type: u8
        if: len_extra_data >= 8
        doc: Bytes of the VM state that were written, 0 if there is none.
      - id: len_disk
        -orig-id: disk_size
        type: u8
        if: len_extra_data >= 16
        doc: Size of the virtual disk when the snapshot was made, in bytes.
      - id: icount
        type: u8
        if: len_extra_data >= 24
        doc: Number of instructions executed; all bits are set if it is unknown.
      - id: unknown_extra_data
        size: len_extra_data - len_known
        doc: The rest of the extra data.
      - id: id_str
        size: len_id_str
        doc: The id, a number in decimal digits if QEMU chose it.
      - id: name
        size: len_name
        doc: The name that the user chose.
    instances:
      len_known:
        value: |
          (len_extra_data >= 24 ? 24.as<u4> : len_extra_data >= 16 ? 16.as<u4>
          : len_extra_data >= 8 ? 8.as<u4> : 0.as<u4>).as<u4>
        doc: Bytes of the extra data that have a field.
      len_self:
        value: |
          ((40 + len_extra_data.as<u8>).as<u8>
          + (len_id_str.as<u8> + len_name.as<u8>).as<u8>).as<u8>
        doc: Bytes of the entry.
  snapshot_place:
    doc: One snapshot and its tables. It takes no bytes.
    params:
      - id: ofs
        type: u8
        doc: Offset of the entry.
    instances:
      snapshot:
        pos: ofs
        type: qcow2_snapshot
        doc: The entry.
      ofs_next:
        value: ((((ofs + snapshot.len_self).as<u8> + 7).as<u8> / 8).as<u8> * 8).as<u8>
        doc: Offset of the next entry.
      l1_table:
        pos: snapshot.ofs_l1
        type: qcow2_l1_entry
        repeat: expr
        repeat-expr: snapshot.num_l1
        doc: The L1 table of the snapshot.
  qcow2_l1_entry:
    -orig-id: QCOW_OFLAG_COPIED
    doc: Where an L2 table is.
    doc-ref: 'QEMU block/qcow2.h: L1E_OFFSET_MASK'
    seq:
      - id: is_copied
        -part-of: l1_entry
        type: b1
        doc: |
          Offset of the L2 table in the bits 9 to 55, 0 if it is not allocated.
          Bit 63 is set where nothing else uses the table.
      - id: reserved_high
        -part-of: l1_entry
        type: b7
        doc: Zeros.
      - id: ofs_high
        -part-of: l1_entry
        type: b24
        doc: The upper bits of the offset.
      - id: ofs_low
        -part-of: l1_entry
        type: b23
        doc: The bits 9 to 31 of the offset.
      - id: reserved_low
        -part-of: l1_entry
        type: b9
        doc: Zeros.
    instances:
      ofs_l2:
        value: |
          ((ofs_high.as<u8> * 0x100000000.as<u8>).as<u8>
          + (ofs_low.as<u8> * 512.as<u8>).as<u8>).as<u8>
        doc: Offset of the L2 table, 0 if it is not allocated.
      l2_table:
        pos: ofs_l2
        type: qcow2_l2_entry(_root.header.is_extended)
        repeat: expr
        repeat-expr: _root.header.num_l2
        if: ofs_l2 != 0
        doc: The L2 table.
  qcow2_l2_entry:
    -orig-id: QCOW_OFLAG_COMPRESSED
    doc: Where a cluster is.
    doc-ref: 'QEMU block/qcow2.h: L2E_OFFSET_MASK, QCOW_OFLAG_SUB_ALLOC'
    params:
      - id: is_extended
        type: bool
        doc: Whether a bitmap of subclusters follows.
    seq:
      - id: is_copied
        -part-of: l2_entry
        type: b1
        doc: |
          Offset of the cluster in the bits 9 to 55, 0 if it is not allocated.
          Bit 62 says that it is compressed, and the bits below it mean
          something else then; bit 0 that it reads as zeros; bit 63 that nothing
          else uses it.
      - id: is_compressed
        -part-of: l2_entry
        type: b1
        doc: Whether the cluster is compressed.
      - id: reserved_high
        -part-of: l2_entry
        type: b6
        doc: Zeros, unless the cluster is compressed.
      - id: ofs_high
        -part-of: l2_entry
        type: b24
        doc: The upper bits of the offset.
      - id: ofs_low
        -part-of: l2_entry
        type: b23
        doc: The bits 9 to 31 of the offset.
      - id: reserved_low
        -part-of: l2_entry
        type: b8
        doc: Zeros, unless the cluster is compressed.
      - id: is_zero
        -part-of: l2_entry
        type: b1
        doc: Whether the cluster reads as zeros.
      - id: subclusters
        type: u8
        if: is_extended
        doc: |
          One bit for each of the 32 subclusters that is allocated, from the
          low end on; in the upper half, one for each that reads as zeros.
    instances:
      ofs_cluster:
        value: |
          ((ofs_high.as<u8> * 0x100000000.as<u8>).as<u8>
          + (ofs_low.as<u8> * 512.as<u8>).as<u8>).as<u8>
        doc: |
          Offset of the cluster unless it is compressed, 0 if it is not
          allocated.
enums:
  qcow2_crypt:
    0:
      id: none
      -orig-id: QCOW_CRYPT_NONE
      doc: Not encrypted.
    1:
      id: aes
      -orig-id: QCOW_CRYPT_AES
      doc: AES-CBC, which QEMU no longer writes.
    2:
      id: luks
      -orig-id: QCOW_CRYPT_LUKS
      doc: LUKS.
  qcow2_compression:
    0:
      id: deflate
      -orig-id: QCOW2_COMPRESSION_TYPE_ZLIB
      doc: Deflate, without the header of zlib.
    1:
      id: zstd
      -orig-id: QCOW2_COMPRESSION_TYPE_ZSTD
      doc: Zstandard.
