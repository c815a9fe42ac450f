"""What every process needs and nothing else: errors, time, stopping, children, files, logs."""
