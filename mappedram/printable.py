"""Text from a file, made safe to display."""


def printable(text: str) -> str:
    """Escape everything in `text` that a terminal would interpret or not show."""
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape", "surrogatepass").decode()
        for char in text
    )
