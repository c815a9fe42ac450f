"""This machine and its processes: read-only facts from /sys and /proc, which never raise."""
