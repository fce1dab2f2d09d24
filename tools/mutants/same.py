"""Changes after which everything is as before, and why."""

#: File, line without the change, and the change in words, to the reason.
SAME: dict[tuple[str, str, str], str] = {
    (
        "mappedram/format/file.py",
        "Told(_note_command, built=False),",
        "two members change places",
    ): "no command that is noted packages a stream",
}
