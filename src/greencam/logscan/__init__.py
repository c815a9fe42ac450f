"""What log files tell: read as a stream, in constant memory, whatever wrote them."""
