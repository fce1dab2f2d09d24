"""Our own promises under attack: no file can hurt the tool."""
