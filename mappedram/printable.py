"""Text out of a file, made harmless to whatever shows it."""


def printable(text: str) -> str:
    """`text` with escapes in the place of all that a terminal would obey or not show."""
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape", "surrogatepass").decode()
        for char in text
    )
