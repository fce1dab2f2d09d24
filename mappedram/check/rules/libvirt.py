"""MR5: the save image of libvirt around a stream."""

from collections.abc import Callable, Iterator
from functools import wraps

from mappedram.check.bitmap_audit import first_nonzero
from mappedram.check.context import Context
from mappedram.check.finding import Defect, Finding, Place, Severity
from mappedram.check.registry import RULES, rule
from mappedram.check.rules.fields import Broken, FieldJudge, Sentence
from mappedram.check.save_image import Container
from mappedram.format.libvirt import QEMU_SAVE_MAGIC, SaveFormat
from mappedram.stream.libvirt import describe
from mappedram.stream.libvirt.header import PATH
from mappedram.stream.model import file_up_to

#: How the codes of these rules begin.
BAND = "MR5"
_SOURCE = "src/qemu/qemu_saveimage.c"

Judge = Callable[[Container], Iterator[Defect]]
_JUDGES: dict[str, Judge] = {}


def judge(container: Container) -> Iterator[Finding]:
    """What all rules of this module say; for an image in which no stream can be opened."""
    for code, judgement in _JUDGES.items():
        yield from map(RULES[code].finding, judgement(container))


def _rule(
    code: str,
    name: str,
    severity: Severity,
    *,
    clause: str,
    function: str,
    errata: tuple[str, ...] = (),
) -> Callable[[Judge], Judge]:
    """Register a rule about the image; it has nothing to say of a stream that is in none."""

    def register(judgement: Judge) -> Judge:
        @wraps(judgement)
        def of_context(context: Context) -> Iterator[Defect]:
            return judgement(context.container) if context.container else iter(())

        registered = rule(
            code, name, severity, clause=clause, qemu=f"{_SOURCE}: {function}", errata=errata
        )
        registered(of_context)
        _JUDGES[code] = judgement
        return judgement

    return register


def _field_rule(code: str, name: str, *, function: str) -> Callable[[Sentence], Sentence]:
    """Register the rule with that code, which a field of the header is declared with."""

    def register(sentence: Sentence) -> Sentence:
        judge = FieldJudge(code, sentence)

        @wraps(sentence)
        def of_container(container: Container) -> Iterator[Defect]:
            header = container.image.header
            return judge.defects([header], lambda _, path: container.field(path))

        _rule(code, name, judge.severity, clause=judge.clause, function=function)(of_container)
        return sentence

    return register


@_rule(
    "MR501",
    "libvirt-part-magic",
    Severity.ERROR,
    clause="9.7.3",
    errata=("E-045",),
    function="virQEMUSaveDataFinish()",
)
def part_magic(container: Container) -> Iterator[Defect]:
    """An image whose stream is complete says LibvirtQemudSave.

    Why:
        libvirtd ended while QEMU saved, and QEMU went on to the end. libvirt refuses the image:
        "save image is incomplete". Writing the other magic makes it load; but the guest may have
        run on since, so that its disks may be newer than this memory.

    Remedy:
        Run `mappedram repair`, which writes LibvirtQemudSave. Make sure before that the guest has
        not run on: its disks would be newer than this memory.
    """
    if not container.image.complete and _is_complete(container):
        yield Defect(
            "the image says that it is incomplete, but its stream came to its end",
            container.field("magic"),
            expected=QEMU_SAVE_MAGIC,
            actual=container.image.magic,
        )


@_rule(
    "MR502",
    "libvirt-interrupted",
    Severity.ERROR,
    clause="9.7.3",
    errata=("E-046",),
    function="qemuSaveImageReadHeader()",
)
def interrupted(container: Container) -> Iterator[Defect]:
    """An image comes from a save that came to its end.

    Why:
        QEMU or the host died. libvirt refuses the image, and rightly so: bitmaps and devices are
        written last. The size of the file shows nothing, as pages have their places from the
        beginning.

    Remedy:
        Save again with `virsh save`, and do not change the magic: the devices are not in the file.
        `mappedram repair` makes the memory that is there readable for `mappedram extract`.
    """
    if not container.image.complete and not _is_complete(container):
        yield Defect(
            "the image says that it is incomplete, and its stream does not come to an end",
            container.field("magic"),
            expected=QEMU_SAVE_MAGIC,
            actual=container.image.magic,
        )


@_rule(
    "MR503",
    "libvirt-mislabelled",
    Severity.ERROR,
    clause="9.7.8",
    errata=("E-044",),
    function="qemuSaveImageStartVM()",
)
def mislabelled(container: Container) -> Iterator[Defect]:
    """The stream is written as the format number says.

    Why:
        libvirt goes by the number: it starts the wrong program to decompress the stream, or tells
        QEMU the wrong capabilities, which stops with "Capability mapped-ram is on, but received
        capability is off". libvirt 11.3 writes such an image for the memory of an external
        snapshot, where `snapshot_image_format` is "sparse"; with the right number it loads.

    Remedy:
        Run `mappedram repair`, which writes the right number for a stream that says sparse and is
        plain. Otherwise write a new image with `mappedram convert -O libvirt-sparse`.
    """
    image = container.image
    found = _format_found(container)
    if image.format_name is None or (found is not None and found != image.format):
        seen = f", but the stream is {found.name.lower()}" if found is not None else ""
        yield Defect(
            f"the format is {image.format} ({image.format_name or 'unknown'}){seen}",
            container.field("format"),
            expected=f"{found:d} ({found.name.lower()})" if found is not None else "<= 6",
            actual=str(image.format),
        )


@_field_rule("MR504", "libvirt-version", function="virQEMUSaveDataNew()")
def version(broken: Broken) -> str:
    """The version of the image is 2.

    Why:
        No libvirt of the last fifteen years writes another. Of an older one, libvirt ignores the
        format, and takes the stream for plain.

    Remedy:
        Write a new image with `mappedram convert -O libvirt-sparse`: it has version 2.
    """
    return f"the version of the image is {broken.number}"


@_rule(
    "MR505",
    "libvirt-xml",
    Severity.ERROR,
    clause="9.7.6",
    function="qemuSaveImageReadHeader()",
)
def xml(container: Container) -> Iterator[Defect]:
    """The XML of a domain follows the header, up to a NUL.

    Why:
        libvirt makes the guest from it, and takes the NUL for granted.

    Remedy:
        Write a new image with `mappedram convert -O libvirt-sparse --xml`, and the XML that `virsh
        dumpxml --migratable --security-info` shows of the domain.
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
            f"the text behind the header of the image is {problem}",
            Place(text.offset, text.length, f"{PATH}/domain_xml"),
            expected="the XML of a domain, and a NUL",
        )


@_rule(
    "MR506",
    "libvirt-cookie",
    Severity.ERROR,
    clause="9.7.6",
    function="qemuSaveImageReadHeader()",
)
def cookie(container: Container) -> Iterator[Defect]:
    """The cookie lies between the XML and the stream, up to a NUL.

    Why:
        libvirt checks none of it: with an offset that is too large it takes the stream for text.

    Remedy:
        Write a new image with `mappedram convert -O libvirt-sparse --cookie`, and the cookie of
        another image of this domain, as `mappedram info` shows it.
    """
    image = container.image
    if image.cookie_offset and image.cookie_text is None:
        yield Defect(
            f"the cookie is at {image.cookie_offset:#x} of {image.data_len:#x} bytes of text",
            container.field("cookie_offset"),
            expected=f"< {image.data_len:#x}" if image.data_len else "0",
            actual=f"{image.cookie_offset:#x}",
        )
    elif image.cookie_text and not image.cookie_text.terminated:
        yield Defect(
            "the cookie is without a NUL at its end",
            Place(image.cookie_text.offset, image.cookie_text.length, f"{PATH}/cookie"),
            expected="XML, and a NUL",
        )


@_rule(
    "MR507",
    "libvirt-stray-bytes",
    Severity.WARNING,
    clause="9.7.7",
    function="virQEMUSaveDataWrite()",
)
def stray_bytes(container: Container) -> Iterator[Defect]:
    """What the header leaves unused, and what stands between the texts and the stream, is zero.

    Why:
        libvirt writes zeros and does not look there. A file that was overwritten in place leaves
        such bytes, and so would a field that a later libvirt adds.

    Remedy:
        Nothing: libvirt does not look there. `mappedram convert -O libvirt-sparse` writes an image
        without these bytes.
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
    clause="9.7.2",
    function="qemuSaveImageBswapHeader()",
)
def byteorder(container: Container) -> Iterator[Defect]:
    """The header is in the byte order of the bitmaps, which is that of the host.

    Why:
        libvirt takes either order. No host writes its two in different ones.

    Remedy:
        Nothing: libvirt takes either order. Correct the program that wrote the image.
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
    clause="9.7.5",
    function="qemuSaveImageReadHeader()",
)
def cut(container: Container) -> Iterator[Defect]:
    """A stream begins before the file ends.

    Why:
        The copy was broken off, or the length of the texts is wrong. No memory is in the file.

    Remedy:
        Copy the file again, or save again with `virsh save`: no memory is in it.
    """
    image = container.image
    if image.stream_offset >= image.file_size:
        yield Defect(
            f"the stream should begin at {image.stream_offset:#x}, but the file ends at"
            f" {image.file_size:#x}",
            container.field("data_len"),
            expected=file_up_to(image.stream_offset + 1),
            actual=f"{image.file_size:#x} bytes",
        )


@_rule(
    "MR510",
    "libvirt-damaged",
    Severity.ERROR,
    clause="9.7.9",
    function="qemuSaveImageDecompressionStart()",
)
def damaged(container: Container) -> Iterator[Defect]:
    """A compressed stream can be decompressed to its end.

    Why:
        The file was cut off or has changed. What comes before that place may still be right, but
        the devices come last.

    Remedy:
        Copy the file again, or save again with `virsh save`. `mappedram info` shows what comes
        before that place.
    """
    for damage in container.damage:
        yield Defect(damage.msg, Place(damage.offset, None, damage.path))


def _is_complete(container: Container) -> bool:
    return container.snapshot is not None and container.snapshot.complete


def _format_found(container: Container) -> SaveFormat | None:
    """How the stream is written, by itself; None where that does not show."""
    image, snapshot = container.image, container.snapshot
    if image.payload != SaveFormat.RAW:
        return image.payload
    if snapshot is None or not (snapshot.stream.configuration or snapshot.blocks):
        return None
    return SaveFormat.SPARSE if snapshot.stream.mapped_ram else SaveFormat.RAW
