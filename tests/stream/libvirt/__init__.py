"""Save images of libvirt."""
