"""How Sphinx builds the site; the pages are put together by `tools/docs`."""

from sphinx.application import Sphinx

import mappedram

project = "mappedram"
copyright = "the mappedram authors"  # noqa: A001 - Sphinx calls it that
release = version = mappedram.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_copybutton"]
myst_heading_anchors = 3
# Headings such as "Writer" come in every section of the specification.
suppress_warnings = ["myst.header"]
exclude_patterns = ["extra"]
# Text stays as it is written: `--hex` must not get a dash.
smartquotes = False
# A single backquote in a docstring means code.
default_role = "literal"

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
napoleon_google_docstring = True
napoleon_use_ivar = True

html_theme = "furo"
html_title = f"mappedram {release}"
html_static_path = ["_static"]
html_extra_path = ["extra"]
html_css_files = ["site.css"]
html_js_files = ["tables.js"]
html_copy_source = False
html_show_sphinx = False
html_theme_options = {"navigation_with_keys": True}

# Copy the commands of a block, without their prompts and without their output.
copybutton_prompt_text = r"\$ |>>> |\.\.\. "
copybutton_prompt_is_regexp = True
copybutton_selector = "div:not(.highlight-text) > div.highlight > pre"
copybutton_line_continuation_character = "\\"


def _plain(
    _app: object, what: str, _name: str, _obj: object, _opts: object, lines: list[str]
) -> None:
    """Keep Napoleon from taking what stands before a colon for the type of a property."""
    if what == "property":
        lines.insert(0, "")


def setup(app: Sphinx) -> None:
    """Run before Napoleon, whose priority is 500."""
    app.connect("autodoc-process-docstring", _plain, priority=400)
