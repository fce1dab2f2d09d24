"""What is told of the guest."""
