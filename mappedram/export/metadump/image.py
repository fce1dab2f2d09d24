"""Keep a part of the save image of libvirt around a stream."""

from mappedram.check.bitmap_audit import first_nonzero
from mappedram.check.save_image import Container
from mappedram.export.metadump.domain import blank, is_xml, mask
from mappedram.export.metadump.runs import Kept
from mappedram.stream.libvirt import describe
from mappedram.stream.libvirt.header import HeaderText

#: Longer texts are not XML of libvirt, and are not searched.
_TEXT_MAX = 4 << 20


def keep_image(container: Container, kept: Kept, *, names: bool) -> dict[str, int]:
    """Keep the header, and the texts without secrets.

    Returns:
        Number of bytes masked in each text, by its name.
    """
    image, header = container.image, container.image.header
    unused = container.field("unused")
    assert unused.offset is not None
    assert unused.length is not None
    kept.keep(header.offset, unused.offset)
    kept.keep(unused.offset + unused.length, header.end)
    places = [(unused.offset, unused.offset + unused.length)]
    places += [(r.offset, r.end) for r in image.regions() if r.kind == "padding"]
    for start, end in places:
        stray = first_nonzero(container.source, start, end)
        if stray is not None:
            kept.keep(stray, stray + 1)
    hidden = {}
    for name, text in (("domain_xml", image.xml_text), ("cookie", image.cookie_text)):
        if text is not None:
            known = describe(text.text) is not None if name == "domain_xml" else True
            hidden[name] = _keep_text(container, text, kept, known=known, names=names)
    return hidden


def _keep_text(
    container: Container, text: HeaderText, kept: Kept, *, known: bool, names: bool
) -> int:
    data = container.source.read(text.offset, text.length)
    good = known and len(data) <= _TEXT_MAX and is_xml(data)
    masked = mask(data, names=names) if good else blank(data)
    kept.put(text.offset, masked.data)
    return masked.hidden
