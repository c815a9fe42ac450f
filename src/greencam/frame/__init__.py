"""What a frame is: formats, header, shared-memory ring, JPEG; no Redis, no camera."""
