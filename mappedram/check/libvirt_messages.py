"""What libvirt prints when it cannot restore a save image, and what to do then.

libvirt shows its own checks of the image, but of QEMU's output only the last line, which says
little. `mappedram.qemu.loader.messages` knows the lines before it, which are in the log of the
guest. Source: libvirt src/qemu/qemu_saveimage.c, qemuSaveImageReadHeader(), qemuSaveImageOpen() and
qemuSaveImageGetCompressionProgram(); src/qemu/qemu_driver.c, qemuDomainSaveImageDefineXML(). All
messages but that about QEMU's binary were measured with libvirt 11.3.0.
"""

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LibvirtMessage:
    """A message of libvirt about a save image.

    Attributes:
        words: libvirt's, with the names of values in braces.
        cause: what is wrong, in one sentence.
        remedy: what to do, with the commands.
        codes: rules and errata about such images; `check` reports one of the rules.
    """

    words: str
    cause: str
    remedy: str
    codes: tuple[str, ...] = ()


_CUT = "Copy the image again: compare its size with the original. If it never was longer, the save"
_NO_MEMORY = f"{_CUT} failed before it wrote memory, and only a new `virsh save` helps."
_NEW_XML = (
    "Run `mappedram convert -O libvirt-sparse --xml DOMAIN.xml FILE OUT`, with the XML of the"
    " domain as `virsh dumpxml --migratable --security-info` prints it."
)
_NEW_HEADER = (
    "Copy the image again. If the original has the same header, find the stream with `grep -abo"
    " QEVM FILE`, and run `mappedram convert -O libvirt-sparse --offset N --xml DOMAIN.xml FILE"
    " OUT`, with the XML of the domain as `virsh dumpxml --migratable --security-info` prints it."
)

MESSAGES = (
    LibvirtMessage(
        "save image is incomplete",
        "The image still has the magic of an unfinished save.",
        "Run `mappedram check FILE`. If it reports MR501, QEMU did complete the save, and"
        " `mappedram repair FILE OUT` writes an image that libvirt restores. If it reports MR502,"
        " the state of the devices is missing: save again. For the memory that is there, run"
        " `mappedram repair FILE OUT` and `mappedram extract --partial OUT -d DIR`.",
        ("MR501", "MR502", "E-045", "E-046"),
    ),
    LibvirtMessage(
        "job 'start' failed: load of migration failed: {reason}",
        "QEMU refuses the stream in the image. libvirt shows only the last line of QEMU's output.",
        "Run `mappedram check FILE`: it names the defect, and the message of each release of QEMU."
        " QEMU's own message is in `/var/log/libvirt/qemu/GUEST.log` (for `qemu:///session` in"
        " `~/.cache/libvirt/qemu/log`); give that line to `mappedram explain`.",
    ),
    LibvirtMessage(
        "image magic is incorrect",
        "The file is no save image of libvirt.",
        "Run `mappedram info FILE`, which names the kind of file. If it is a snapshot that QEMU"
        " wrote without libvirt, `mappedram convert -O libvirt-sparse --xml DOMAIN.xml FILE OUT`"
        " makes an image of it.",
    ),
    LibvirtMessage(
        "image version is not supported ({version} > {known})",
        "The header is damaged: libvirt has never written a version above 2.",
        _NEW_HEADER,
        ("MR004",),
    ),
    LibvirtMessage(
        "unsupported save image format: {format}",
        "The header gives a number for the format of the stream that this libvirt does not know.",
        "Run `mappedram check FILE`. If it reports MR503, the number is wrong, and `mappedram"
        " convert -O libvirt-sparse FILE OUT` writes an image with the right one. Otherwise the"
        " image is of a newer libvirt; format 6 (sparse) requires libvirt 11.2.",
        ("MR503",),
    ),
    LibvirtMessage(
        "invalid header data length: {length}",
        "The header is damaged: it says that the image has no XML of a domain.",
        _NEW_HEADER,
        ("MR505", "MR506"),
    ),
    LibvirtMessage(
        "Start tag expected, '<' not found",
        "The text in the image is not the XML of a domain.",
        _NEW_XML,
        ("MR505",),
    ),
    LibvirtMessage(
        "Document is empty",
        "The image has no text where the XML of the domain should be.",
        _NEW_XML,
        ("MR505",),
    ),
    LibvirtMessage(
        "Capability mapped-ram is on, but received capability is off",
        "The header of the image says sparse, but the stream is plain, as in external snapshots"
        ' with `snapshot_image_format = "sparse"` in `qemu.conf`.',
        "Run `mappedram check FILE`. If it reports MR503, `mappedram repair FILE OUT` writes an"
        " image that libvirt restores. Without libvirt, load it with the capability disabled.",
        ("MR503", "E-044"),
    ),
    LibvirtMessage(
        "failed to read qemu header",
        "The file ends within the 92 bytes of the header.",
        _NO_MEMORY,
        ("MR002",),
    ),
    LibvirtMessage(
        "failed to read domain XML",
        "The file ends within the XML of the domain, before the stream begins.",
        _NO_MEMORY,
        ("MR509",),
    ),
    LibvirtMessage(
        "failed to read cookie",
        "The file ends within the cookie, before the stream begins.",
        _NO_MEMORY,
        ("MR509",),
    ),
    LibvirtMessage(
        "Parallel save is only supported with the 'sparse' save image format",
        "The image is of another format than sparse, and only sparse images are read in parallel.",
        "Run `virsh restore` without `--parallel-channels`, or first `mappedram convert -O"
        " libvirt-sparse FILE OUT`, and restore OUT.",
    ),
    LibvirtMessage(
        "number of parallel save channels cannot be less than 1",
        "`--parallel-channels` was given 0.",
        "Give at least 1, or leave the option out.",
    ),
    LibvirtMessage(
        "new xml too large to fit in file",
        "The image has 64 KiB of space for a longer XML, and the new one needs more.",
        "Run `mappedram convert -O libvirt-sparse --xml NEW.xml FILE OUT`, which writes an image"
        " with as much space as the XML needs, and restore OUT.",
    ),
    LibvirtMessage(
        "Emulator '{emulator}' does not support machine type '{machine}'",
        "The guest has a machine type that the QEMU of this host does not have.",
        "Run `mappedram check FILE`: the lines above the verdict name the releases that load the"
        " file, and MR060 says if the newest one has dropped the machine type. Restore it on a host"
        " with a release that loads it.",
        ("MR060",),
    ),
    LibvirtMessage(
        "save image format {format} is not supported by this QEMU binary",
        "The QEMU of this host is older than 9.0, and cannot load sparse images.",
        "Restore it on a host with QEMU 9.0 or newer. To load the guest without libvirt, run"
        " `mappedram convert -O stream FILE OUT`, which a QEMU with the machine type of the guest"
        " can load without the capability mapped-ram.",
    ),
    LibvirtMessage(
        "Failed to open file '{path}': No such file or directory",
        "There is no such file, or `virsh restore --parallel-channels` was given a relative path.",
        "Give the whole path of the file, beginning with /.",
        ("E-047",),
    ),
)


def find_libvirt_message(text: str) -> LibvirtMessage | None:
    """The message that a text contains; None if there is none.

    Args:
        text: what virsh printed, in one line or several; values and letter case may differ.
    """
    line = " ".join(text.split())
    return next((one for one in MESSAGES if _pattern(one.words).search(line)), None)


def _pattern(words: str) -> "re.Pattern[str]":
    literals = re.split(r"\{\w+\}", words)
    return re.compile(".*?".join(map(re.escape, literals)), re.IGNORECASE)
