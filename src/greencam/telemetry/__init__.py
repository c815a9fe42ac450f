"""What the suite tells of itself over time."""
