"""Boot a real Linux in QEMU and take snapshots of it, for the programs that read guest memory.

None of its files are committed: kernel and userland are those of Debian, fetched on demand. Guests
without an operating system belong in `tools/qemu`.
"""

from tools.linux.guest import Guest, Unavailable, guest
from tools.linux.table import TABLE, Variant

__all__ = ["TABLE", "Guest", "Unavailable", "Variant", "guest"]
