"""Give every parser files that nobody honest makes, and see that each is refused or read."""
