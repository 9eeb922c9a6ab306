"""What this package and @ananta/tracing, its sibling for Node.js, promise together."""
