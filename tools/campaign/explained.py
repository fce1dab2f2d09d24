"""What campaigns have shown that the model did not know, and what became of it."""

#: Release, what differed, what it became.
EXPLAINED: tuple[tuple[str, str, str], ...] = (
    (
        "11.1",
        "The outcome: a `len_name` of 2 GiB or more is refused, where 10.0 dies. Lengths in the"
        " configuration section are unsigned now.",
        "`SIGNED_LENGTHS` of `releases.py`",
    ),
    (
        "10.0, 11.1",
        "An exception in the model: a bitmap whose only bits are beyond the last page.",
        "`pages.py` passes parts without a run",
    ),
    (
        "10.0",
        "The words: a machine type with a NUL is not taken for the beginning of the local one.",
        "`configuration.py` compares as `strncmp` does",
    ),
    (
        "10.0",
        "The words: an area that begins at 2^63 or later begins before the file, and the pages of"
        " it that fall into the file are read.",
        "`pages_offset` is signed in `ram.py`",
    ),
    (
        "10.0",
        "The words: an empty bitmap that cannot be reached is no error at once, but the next read"
        " fails.",
        "`ram.py` keeps the mark",
    ),
    (
        "11.1",
        "The words: 11.1 says many refusals differently.",
        "the last column of `endings.py`",
    ),
)
