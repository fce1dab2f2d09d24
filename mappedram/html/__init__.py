"""A self-contained HTML page about one file, without network or server.

`page.css` has the colours, `page.js` the behaviour, and every other module one part of the page.
The size of the page is bounded, however many regions, blocks, fields and findings the file has.
Code that the text output also needs belongs in `view`.

>>> from mappedram.check import check
>>> with open_any("guest.mapped-ram", partial=True) as (snapshot, image):
...     text = page("guest.mapped-ram", snapshot, image, check("guest.mapped-ram"))

Imports: printable, version, format, stream, check, view.
"""

from mappedram.html.page import page

__all__ = ["page"]
