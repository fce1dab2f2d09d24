"""One file as one page of HTML that stands alone: no request leaves it, and it works without a net.

The size of a page is bounded, however many regions, blocks, fields and findings the file has.

>>> from mappedram.check import check
>>> with open_any("guest.mapped-ram", partial=True) as (snapshot, image):
...     text = page("guest.mapped-ram", snapshot, image, check("guest.mapped-ram"))

Imports: printable, version, format, stream, check, view.
"""

from mappedram.html.page import page

__all__ = ["page"]
