"""Guest memory and registers in forms that other programs open."""
