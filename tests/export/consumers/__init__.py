"""Programs that read guest memory open our exports of a real Linux, and see what is in it."""
