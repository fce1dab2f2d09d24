"""Names in a file, and how to show those that no QEMU has."""


def printable(text: str) -> str:
    """The text with escapes in the place of control characters, which names may hold."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)
