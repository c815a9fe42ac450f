"""The Redis side: connection, key names, frames, beats, announcements."""
