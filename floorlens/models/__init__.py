"""Models: their stamps, sessions that run them, the hub's files, options, checks."""
