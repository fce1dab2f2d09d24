"""Streams that are compressed as a whole, read by every verb. Save images belong in `libvirt`."""
