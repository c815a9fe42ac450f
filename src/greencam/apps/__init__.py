"""Composition roots: one main(argv) per command, the only place that builds objects."""
