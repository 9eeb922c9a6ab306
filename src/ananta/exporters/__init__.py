"""What pipelines end in: destinations that take one delivery at a time."""
