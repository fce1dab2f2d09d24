"""MR5: the libvirt save image around a stream."""

from collections.abc import Callable, Iterator
from functools import wraps

from mappedram.check.bitmap_audit import first_nonzero
from mappedram.check.context import Context
from mappedram.check.finding import Defect, Finding, Place, Severity
from mappedram.check.registry import RULES, rule
from mappedram.check.rules.fields import Broken, FieldJudge, Sentence
from mappedram.check.save_image import Container
from mappedram.format.libvirt import HEADER_SIZE, QEMU_SAVE_MAGIC, SaveFormat
from mappedram.stream.libvirt import LibvirtImage, describe
from mappedram.stream.libvirt.header import PATH
from mappedram.stream.model import file_up_to

#: Prefix of the codes of these rules.
BAND = "MR5"
_SOURCE = "src/qemu/qemu_saveimage.c"

#: Messages of libvirt 11.3, measured with `virsh save-image-dumpxml` and `virsh restore`.
_INCOMPLETE = "save image is incomplete"
_NO_TEXT = "at line 1: Document is empty"
#: The message of QEMU that libvirt repeats if the header says sparse, and the stream is plain.
_NOT_SPARSE = "Capability mapped-ram is on, but received capability is off"

Judge = Callable[[Container], Iterator[Defect]]
_JUDGES: dict[str, Judge] = {}


def judge(container: Container) -> Iterator[Finding]:
    """The findings of this module; for an image in which no stream can be opened."""
    for code, judgement in _JUDGES.items():
        yield from map(RULES[code].finding, judgement(container))


def _rule(
    code: str,
    name: str,
    severity: Severity,
    *,
    defect: str,
    clause: str,
    function: str,
    errata: tuple[str, ...] = (),
) -> Callable[[Judge], Judge]:
    """Register a rule about the image; it finds nothing in a stream without one."""

    def register(judgement: Judge) -> Judge:
        @wraps(judgement)
        def of_context(context: Context) -> Iterator[Defect]:
            return judgement(context.container) if context.container else iter(())

        registered = rule(
            code,
            name,
            severity,
            defect=defect,
            clause=clause,
            qemu=f"{_SOURCE}: {function}",
            errata=errata,
        )
        registered(of_context)
        _JUDGES[code] = judgement
        return judgement

    return register


def _field_rule(
    code: str, name: str, *, defect: str, function: str
) -> Callable[[Sentence], Sentence]:
    """Register the rule that a field of the header declares with this code."""

    def register(sentence: Sentence) -> Sentence:
        judge = FieldJudge(code, sentence)

        @wraps(sentence)
        def of_container(container: Container) -> Iterator[Defect]:
            header = container.image.header
            return judge.defects([header], lambda _, path: container.field(path))

        register_rule = _rule(
            code, name, judge.severity, defect=defect, clause=judge.clause, function=function
        )
        register_rule(of_container)
        return sentence

    return register


@_rule(
    "MR501",
    "libvirt-part-magic",
    Severity.ERROR,
    defect="The image is complete, but still has the magic of an unfinished save.",
    clause="9.7.3",
    errata=("E-045",),
    function="virQEMUSaveDataFinish()",
)
def part_magic(container: Container) -> Iterator[Defect]:
    """An image with a complete stream has the magic LibvirtQemudSave.

    Why:
        libvirtd ended during the save, and QEMU completed it. libvirt refuses the image: "save
        image is incomplete". With the other magic, the image loads; but if the guest has run since,
        its disks are newer than this memory.

    Remedy:
        Run `mappedram repair`, which writes LibvirtQemudSave. First make sure that the guest has
        not run since: its disks would be newer than this memory.
    """
    if not container.image.complete and _is_complete(container):
        yield Defect(
            f"the image is marked incomplete, but its stream is complete{_says(_INCOMPLETE)}",
            container.field("magic"),
            expected=QEMU_SAVE_MAGIC,
            actual=container.image.magic,
        )


@_rule(
    "MR502",
    "libvirt-interrupted",
    Severity.ERROR,
    defect="The save into the image was interrupted.",
    clause="9.7.3",
    errata=("E-046",),
    function="qemuSaveImageReadHeader()",
)
def interrupted(container: Container) -> Iterator[Defect]:
    """The image was saved completely.

    Why:
        QEMU or the host failed during the save. libvirt rightly refuses the image: bitmaps and
        devices are written last. The size of the file does not show it, as page areas are laid out
        at the start.

    Remedy:
        Save again with `virsh save`, and do not change the magic: the devices are not in the file.
        `mappedram repair` makes the memory in the file readable for `mappedram extract`.
    """
    if not container.image.complete and not _is_complete(container):
        yield Defect(
            f"the image is marked incomplete, and its stream is incomplete{_says(_INCOMPLETE)}",
            container.field("magic"),
            expected=QEMU_SAVE_MAGIC,
            actual=container.image.magic,
        )


@_rule(
    "MR503",
    "libvirt-mislabelled",
    Severity.ERROR,
    defect="The stream has another format than the image header gives.",
    clause="9.7.8",
    errata=("E-044",),
    function="qemuSaveImageStartVM()",
)
def mislabelled(container: Container) -> Iterator[Defect]:
    """The stream has the format that the header gives.

    Why:
        libvirt trusts the header: it starts the wrong program to decompress the stream, or sets the
        wrong capabilities, and QEMU stops with "Capability mapped-ram is on, but received
        capability is off". libvirt 11.3 writes such an image for the memory of an external snapshot
        with `snapshot_image_format` "sparse"; with the right format number it loads.

    Remedy:
        Run `mappedram repair`, which writes the right number if the header says sparse and the
        stream is plain. Otherwise write a new image with `mappedram convert -O libvirt-sparse`.
    """
    image = container.image
    found = _format_found(container)
    if image.format_name is None or (found is not None and found != image.format):
        seen = f", but the stream is {found.name.lower()}" if found is not None else ""
        yield Defect(
            f"the format is {image.format} ({image.format_name or 'unknown'}){seen}"
            f"{_says(_about_format(image.format, found))}",
            container.field("format"),
            expected=f"{found:d} ({found.name.lower()})" if found is not None else "<= 6",
            actual=str(image.format),
        )


@_field_rule(
    "MR504",
    "libvirt-version",
    defect="The version of the image is not 2.",
    function="virQEMUSaveDataNew()",
)
def version(broken: Broken) -> str:
    """The version of the image is 2.

    Why:
        libvirt has written only version 2 for fifteen years. In an image of an older version,
        libvirt ignores the format and assumes a plain stream.

    Remedy:
        Write a new image with `mappedram convert -O libvirt-sparse`: it has version 2.
    """
    return f"the image has version {broken.number}"


@_rule(
    "MR505",
    "libvirt-xml",
    Severity.ERROR,
    defect="The image has no valid XML of a domain.",
    clause="9.7.6",
    function="qemuSaveImageReadHeader()",
)
def xml(container: Container) -> Iterator[Defect]:
    """The XML of a domain follows the header, and ends with a NUL.

    Why:
        libvirt defines the guest from it, and relies on the NUL.

    Remedy:
        Write a new image with `mappedram convert -O libvirt-sparse --xml`, and the XML that `virsh
        dumpxml --migratable --security-info` prints for the domain.
    """
    text = container.image.xml_text
    problem = (
        "empty"
        if not text.length
        else "without a NUL at its end"
        if not text.terminated
        else "not the XML of a domain"
        if describe(text.text) is None
        else None
    )
    if problem:
        yield Defect(
            f"the text after the header of the image is {problem}"
            f"{_says(_NO_TEXT if problem == 'empty' else None)}",
            Place(text.offset, text.length, f"{PATH}/domain_xml"),
            expected="the XML of a domain, and a NUL",
        )


@_rule(
    "MR506",
    "libvirt-cookie",
    Severity.ERROR,
    defect="The cookie is outside of its place, or has no end.",
    clause="9.7.6",
    function="qemuSaveImageReadHeader()",
)
def cookie(container: Container) -> Iterator[Defect]:
    """The cookie is between the XML and the stream, and ends with a NUL.

    Why:
        libvirt does not check this: with an offset that is too large, it reads the stream as text.

    Remedy:
        Write a new image with `mappedram convert -O libvirt-sparse --cookie`, and the cookie of
        another image of this domain, as printed by `mappedram info`.
    """
    image = container.image
    if image.cookie_offset and image.cookie_text is None:
        yield Defect(
            f"the cookie is at {image.cookie_offset:#x}, outside the {image.data_len:#x} bytes of"
            " text",
            container.field("cookie_offset"),
            expected=f"< {image.data_len:#x}" if image.data_len else "0",
            actual=f"{image.cookie_offset:#x}",
        )
    elif image.cookie_text and not image.cookie_text.terminated:
        yield Defect(
            "the cookie has no NUL at its end",
            Place(image.cookie_text.offset, image.cookie_text.length, f"{PATH}/cookie"),
            expected="XML, and a NUL",
        )


@_rule(
    "MR507",
    "libvirt-stray-bytes",
    Severity.WARNING,
    defect="Unused bytes of the image are not zero.",
    clause="9.7.7",
    function="virQEMUSaveDataWrite()",
)
def stray_bytes(container: Container) -> Iterator[Defect]:
    """The unused bytes of the header, and those between the texts and the stream, are zero.

    Why:
        libvirt writes zeros there, and does not read them. They are not zero if a file was
        overwritten in place, or if a later libvirt adds a field.

    Remedy:
        None needed: libvirt does not read these bytes. `mappedram convert -O libvirt-sparse` writes
        an image without them.
    """
    image = container.image
    unused = container.field("unused")
    assert unused.offset is not None
    assert unused.length is not None
    places = [(unused.offset, unused.offset + unused.length, unused.path)]
    places += [(r.offset, r.end, r.path) for r in image.regions() if r.kind == "padding"]
    for start, end, path in places:
        offset = first_nonzero(container.source, start, end)
        if offset is not None:
            yield Defect(
                f"{start:#x} to {end:#x} of the image is not zero from {offset:#x}",
                Place(offset, 1, path),
                expected="0x00",
                actual=f"0x{container.source.read(offset, 1).hex()}",
            )


@_rule(
    "MR508",
    "libvirt-byteorder",
    Severity.WARNING,
    defect="The image header and the bitmaps have different byte orders.",
    clause="9.7.2",
    function="qemuSaveImageBswapHeader()",
)
def byteorder(container: Container) -> Iterator[Defect]:
    """The header has the byte order of the bitmaps, that of the host.

    Why:
        libvirt accepts either order. A host writes both in the same order.

    Remedy:
        None needed: libvirt accepts either order. Fix the program that wrote the image.
    """
    image, snapshot = container.image, container.snapshot
    if (
        snapshot
        and snapshot.stream.mapped_ram
        and snapshot.byteorder_evident
        and snapshot.byteorder != image.byteorder
    ):
        yield Defect(
            f"the header of the image is {image.byteorder}-endian, but the bitmaps are"
            f" {snapshot.byteorder}-endian",
            container.field("version"),
            expected=f"{snapshot.byteorder}-endian",
            actual=f"{image.byteorder}-endian",
        )


@_rule(
    "MR509",
    "libvirt-cut",
    Severity.ERROR,
    defect="The file ends before the stream begins.",
    clause="9.7.5",
    function="qemuSaveImageReadHeader()",
)
def cut(container: Container) -> Iterator[Defect]:
    """The stream begins before the end of the file.

    Why:
        The copy is incomplete, or the length of the texts is wrong. The file contains no memory.

    Remedy:
        Copy the file again, or save again with `virsh save`: the file contains no memory.
    """
    image = container.image
    if image.stream_offset >= image.file_size:
        yield Defect(
            f"the stream should begin at {image.stream_offset:#x}, but the file ends at"
            f" {image.file_size:#x}{_says(_about_texts(image))}",
            container.field("data_len"),
            expected=file_up_to(image.stream_offset + 1),
            actual=f"{image.file_size:#x} bytes",
        )


@_rule(
    "MR510",
    "libvirt-damaged",
    Severity.ERROR,
    defect="The compressed stream is damaged or incomplete.",
    clause="9.7.9",
    function="qemuSaveImageDecompressionStart()",
)
def damaged(container: Container) -> Iterator[Defect]:
    """A compressed stream can be decompressed to its end.

    Why:
        The file is truncated or damaged. The data before that place may still be right, but the
        devices come last.

    Remedy:
        Copy the file again, or save again with `virsh save`. `mappedram info` shows the data before
        that place.
    """
    for damage in container.damage:
        yield Defect(damage.msg, Place(damage.offset, None, damage.path))


def _is_complete(container: Container) -> bool:
    return container.snapshot is not None and container.snapshot.complete


def _format_found(container: Container) -> SaveFormat | None:
    """The format of the stream, from its own bytes; None if they do not show it."""
    image, snapshot = container.image, container.snapshot
    if image.payload != SaveFormat.RAW:
        return image.payload
    if snapshot is None or not (snapshot.stream.configuration or snapshot.blocks):
        return None
    return SaveFormat.SPARSE if snapshot.stream.mapped_ram else SaveFormat.RAW


def _says(words: str | None) -> str:
    """End of a message that quotes libvirt; empty without words."""
    return f'; libvirt refuses it: "{words}"' if words else ""


def _about_format(number: int, found: SaveFormat | None) -> str | None:
    """What libvirt prints about the number of a format; None if a decompressor prints it."""
    if number not in {one.value for one in SaveFormat}:
        return f"unsupported save image format: {number}"
    plain_stream = number == SaveFormat.SPARSE and found == SaveFormat.RAW
    return _NOT_SPARSE if plain_stream else None


def _about_texts(image: LibvirtImage) -> str | None:
    """What libvirt prints about texts that the file cuts; None if it reads all of them."""
    xml_length = image.cookie_offset or image.data_len
    if not image.data_len:
        return f"invalid header data length: {image.data_len}"
    if image.file_size < HEADER_SIZE + xml_length:
        return "failed to read domain XML"
    cut = image.file_size < image.stream_offset
    return "failed to read cookie" if cut and image.cookie_offset else None
