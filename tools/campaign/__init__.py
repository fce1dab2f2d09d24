"""The loader's model against the loader: mutated files, loaded by a real QEMU and by the model."""
