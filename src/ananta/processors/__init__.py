"""What changes spans, or decides about them, on their way."""
