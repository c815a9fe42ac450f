"""The process table: what runs, in which order, and what happens when it stops."""
