"""Drive a real libvirt: make save images with it, and restore images with it.

Only the tests and the sample maker use this package; `mappedram` itself never runs libvirt. Reading
save images belongs in `mappedram/stream/libvirt`.
"""

from .daemon import Daemon, LibvirtError, domain_xml, unusable

__all__ = ["Daemon", "LibvirtError", "domain_xml", "unusable"]
