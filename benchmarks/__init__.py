"""Side-by-side figures of greencam and its peers, from one run on one machine; see docs/benchmarks.md."""
