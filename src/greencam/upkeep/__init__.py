"""What an owner does with a suite now and then: drills."""
