"""Changes without effect, and the reasons."""

#: File, original line, and description of the change, to the reason.
SAME: dict[tuple[str, str, str], str] = {
    (
        "mappedram/format/file.py",
        "Told(_note_command, built=False),",
        "two members change places",
    ): "no command that is noted packages a stream",
}
