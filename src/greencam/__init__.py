"""greencam: a camera streaming suite that keeps itself alive."""

__version__ = "0.1.0"
