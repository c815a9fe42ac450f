"""Frame consumers: the feed, its sources (same host or Redis) and its sinks."""
