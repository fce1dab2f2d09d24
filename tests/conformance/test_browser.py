"""The JavaScript parser in a real browser reads every vector as Construct does."""

import json
import os
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.conformance import vectors
from tests.conformance.reading import Reading, expected
from tests.conformance.test_vectors import LIMITS, told
from tests.conformance.toolchains import Built
from tests.conftest import Fixtures
from tests.html.browser import CHROMIUM, Browser

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: run tools/install")

#: The driver's files that a page needs, and the runtime.
MODULES = ("latin1", "places", "window_stream", "blob_source", "reading")
RUNTIME = "node_modules/kaitai-struct/KaitaiStream.js"
#: Finds modules by the last part of their names.
LOADER = """\
const defined = {}, loaded = {};
const require = (name) => {
  const key = name.split("/").at(-1);
  if (!loaded[key]) defined[key](loaded[key] = { exports: {} }, loaded[key].exports, require);
  return loaded[key].exports;
};
"""
ANSWER = """
const { BlobSource } = require("./blob_source");
const { reading } = require("./reading");
onmessage = ({ data: { file, offset } }) =>
  postMessage(JSON.stringify(reading(new BlobSource(file), offset)));
"""
PAGE = """\
<!doctype html><meta charset="utf-8"><input type="file">
<script type="text/plain" id="worker">%s</script>
<script>
const source = document.getElementById("worker").textContent;
const worker = new Worker(URL.createObjectURL(new Blob([source])));
const answer = (offset) => new Promise((done, fail) => {
  worker.onmessage = ({ data }) => done(data);
  worker.onerror = (event) => fail(event.message);
  worker.postMessage({ file: document.querySelector("input").files[0], offset });
});
</script>
"""


def page(built: Built) -> str:
    """A page with a parser in it."""
    files = [built.folder / RUNTIME, *sorted((built.folder / "parser").glob("*.js"))]
    files += [built.folder / f"{name}.js" for name in MODULES]
    bundle = "".join(
        f"defined[{json.dumps(path.stem)}] = (module, exports, require) => {{\n"
        f"{path.read_text(encoding='utf-8')}\n}};\n"
        for path in files
    )
    return PAGE % (LOADER + bundle + ANSWER).replace("</script", r"<\/script")


def test_a_browser_reads_as_construct_does(
    driver: Callable[[str], Built], fixtures: Fixtures, tmp_path: Path
) -> None:
    (tmp_path / "page.html").write_text(page(driver("javascript")), encoding="utf-8")
    different: dict[str, Any] = {}
    with Browser.started(tmp_path / "profile") as browser, ExitStack() as stack:
        browser.open((tmp_path / "page.html").as_uri())
        for name in vectors.NAMES:
            fd, offset = stack.enter_context(vectors.open_vector(fixtures, name))
            construct = expected(fd, offset)
            right: Reading = LIMITS["javascript"](construct) or construct.reading
            browser.choose_file("input", Path(f"/proc/{os.getpid()}/fd/{fd}"))
            reading = told(json.loads(browser.run(f"answer({offset})")))
            if reading != right:
                different[name] = (str(reading)[:500], str(right)[:500])
        assert browser.complaints == []
    assert not different
