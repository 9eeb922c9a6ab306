"""The example's programs: what they need, how they start, and how they end together."""
