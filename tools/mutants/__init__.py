"""Changes to the declarations and the reader, each of which some test has to notice."""
