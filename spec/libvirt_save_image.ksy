meta:
  id: libvirt_save_image
  title: Save image of libvirt
  application: libvirt
  xref:
    wikidata: Q1509217
  tags:
    - serialization
    - virtualization
  license: CC0-1.0
  ks-version: 0.11
  imports:
    - mapped_ram
  encoding: UTF-8
doc: |
  The file that `virsh save`, `virsh managedsave` and external snapshots with
  memory write: a header, the domain in XML, and a QEMU migration stream. The
  stream is plain, compressed as a whole, or, in the format "sparse", has
  mapped-ram.

  The numbers of the header are in the byte order of the host that wrote it,
  and nothing says which that was. The version is at most 2, so that a larger
  one means the other order.
doc-ref: 'libvirt src/qemu/qemu_saveimage.h'
instances:
  version_as_le:
    pos: 16
    type: u4le
    doc: The version, if the header is little-endian.
  is_be:
    value: version_as_le > 2
    doc: Whether the header is big-endian.
  header:
    pos: 0
    type: libvirt_header(is_be)
    doc: The fixed part of the image.
  xml:
    pos: 92
    size: 'header.cookie_offset != 0 ? header.cookie_offset : header.data_len'
    type: strz
    doc: The domain.
  cookie:
    pos: (92 + header.cookie_offset.as<u8>).as<u8>
    size: header.data_len - header.cookie_offset
    type: strz
    if: header.cookie_offset != 0
    doc: |
      Further data that libvirt needs to start the same guest again, in XML,
      mainly the CPU.
  ofs_stream:
    value: (92 + header.data_len.as<u8>).as<u8>
    doc: |
      Offset of the stream, which is not aligned. Zeros precede it, at first 64
      KiB, so that the domain can be edited in place.
  stream:
    pos: ofs_stream
    type: mapped_ram
    doc: |
      The stream, if it is not compressed. Offsets in it count from the
      beginning of the image.
types:
  libvirt_header:
    meta:
      endian:
        switch-on: is_be
        cases:
          true: be
          false: le
    -orig-id: virQEMUSaveHeader
    doc: The first 92 bytes of a save image of libvirt.
    doc-ref: 'libvirt src/qemu/qemu_saveimage.c: virQEMUSaveDataWrite(), qemuSaveImageReadHeader()'
    params:
      - id: is_be
        type: bool
        doc: Whether the numbers are big-endian.
    seq:
      - id: magic
        size: 16
        type: str
        encoding: ISO-8859-1
        valid:
          any-of:
            - '"LibvirtQemudSave"'
            - '"LibvirtQemudPart"'
        doc: |
          "LibvirtQemudSave"; "LibvirtQemudPart" until the save is complete.
      - id: version
        type: u4
        valid:
          max: 2
        doc: Version of the image. Writers use 2.
      - id: data_len
        type: u4
        doc: Bytes between this header and the stream.
      - id: was_running
        type: u4
        doc: 1 if the guest runs after it is restored, 0 if it was paused.
      - id: format
        type: u4
        enum: save_format
        doc: |
          Format of the stream: 0 raw, 1 gzip, 2 bzip2, 3 xz, 4 lzop, 5 zstd, 6
          sparse.
      - id: cookie_offset
        -orig-id: cookieOffset
        type: u4
        doc: |
          Offset of the cookie from the end of this header; 0 if there is none.
      - id: unused
        size: 56
        doc: Zeros.
enums:
  save_format:
    0:
      id: raw
      -orig-id: QEMU_SAVE_FORMAT_RAW
      doc: Plain.
    1:
      id: gzip
      -orig-id: QEMU_SAVE_FORMAT_GZIP
      doc: Compressed with gzip.
    2:
      id: bzip2
      -orig-id: QEMU_SAVE_FORMAT_BZIP2
      doc: Compressed with bzip2.
    3:
      id: xz
      -orig-id: QEMU_SAVE_FORMAT_XZ
      doc: Compressed with xz.
    4:
      id: lzop
      -orig-id: QEMU_SAVE_FORMAT_LZOP
      doc: Compressed with lzop.
    5:
      id: zstd
      -orig-id: QEMU_SAVE_FORMAT_ZSTD
      doc: Compressed with zstd; libvirt 10.4 and newer.
    6:
      id: sparse
      -orig-id: QEMU_SAVE_FORMAT_SPARSE
      doc: Plain, with mapped-ram; libvirt 11.2 and newer.
