"""What readings of the suite mean: pure verdicts with value, unit, threshold and a reason; nothing is read here."""
