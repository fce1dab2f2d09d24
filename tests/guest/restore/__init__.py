"""How snapshots are loaded."""
