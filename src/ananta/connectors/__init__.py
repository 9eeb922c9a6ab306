"""What joins pipelines: the end of one and the beginning of others."""
