meta:
  id: stream_header
  title: Header of a QEMU migration stream
  application: QEMU
  xref:
    wikidata: Q624699
  tags:
    - serialization
    - virtualization
  license: CC0-1.0
  ks-version: 0.11
  endian: be
doc: The first eight bytes of every QEMU migration stream.
doc-ref: 'QEMU migration/savevm.c: qemu_savevm_state_header()'
seq:
  - id: magic
    -orig-id: QEMU_VM_FILE_MAGIC
    contents: QEVM
    doc: The bytes "QEVM".
  - id: version
    -orig-id: QEMU_VM_FILE_VERSION
    type: u4
    valid: 3
    doc: Version of the stream. Only 3 is in use; QEMU no longer accepts 2.
