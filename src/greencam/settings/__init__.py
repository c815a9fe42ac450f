"""What may be configured, where it is written, and how mistakes in it are told; pure."""
