"""Text from a file, made safe to display."""


def plural(count: int, noun: str) -> str:
    """A number and its noun: `1 page`, `2 pages`."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def printable(text: str) -> str:
    """Escape everything in `text` that a terminal would interpret or not show."""
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape", "surrogatepass").decode()
        for char in text
    )
