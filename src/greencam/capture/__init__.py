"""One camera, kept flowing: the disposable worker and the process that owns the ring."""
