"""The parts of benchmarks/delivery.py: a stage, faults, and a judge that sees stored images only."""
