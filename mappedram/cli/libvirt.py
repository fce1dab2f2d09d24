"""Output of the fields of a libvirt save image."""

from collections.abc import Iterator

from mappedram.cli import output
from mappedram.printable import printable
from mappedram.stream.libvirt import Domain, LibvirtImage, describe
from mappedram.view.text import size

_DECOMPRESSED = (
    "decompressed",
    "for what follows; offsets count from the beginning of the stream",
)


def header_lines(image: LibvirtImage | None, compression: str | None) -> Iterator[tuple[str, str]]:
    """The image or the compression as labels and texts, for human-readable output."""
    if image is None:
        yield "container", compression or "none"
        if compression:
            yield _DECOMPRESSED
        return
    state = "" if image.complete else f", marked incomplete ({image.magic})"
    yield (
        "container",
        f"libvirt save image, format {image.format_name or f'{image.format} (unknown)'},"
        f" {image.byteorder}-endian header{state}",
    )
    domain = describe(image.xml)
    yield "domain", _domain(domain)
    if domain is not None:
        yield from _summary(domain)
    yield "was running", "yes" if image.was_running else "no"
    if image.compressed:
        yield _DECOMPRESSED
    else:
        yield "slack", f"{size(max(0, image.stream_offset - image.text_end))} for a longer XML"


def show_texts(image: LibvirtImage) -> None:
    """XML and cookie, line by line."""
    for title, text in (("Domain XML", image.xml), ("Cookie", image.cookie)):
        if text:
            output.line(f"\n{output.styled(title, 'bold')}")
            for line in text.splitlines():
                output.line(printable(line))


def _summary(domain: Domain) -> Iterator[tuple[str, str]]:
    """What the XML says in short; all of it comes last."""
    if domain.memory is not None:
        vcpus = f", {domain.vcpus} vCPU{'' if domain.vcpus == '1' else 's'}" if domain.vcpus else ""
        yield "domain memory", f"{size(domain.memory)}{vcpus}"
    if domain.devices:
        devices = (
            name if count == 1 else f"{count} {name}" for name, count in domain.devices.items()
        )
        yield "devices", ", ".join(devices)
    for disk in domain.disks:
        yield "disk", disk


def _domain(domain: Domain | None) -> str:
    if domain is None:
        return "unknown: the XML does not describe a domain"
    known = (domain.name, domain.uuid, domain.machine)
    return ", ".join(text for text in known if text) or "unnamed"
