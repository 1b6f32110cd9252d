"""Kill runs and studies at random moments, and see that nothing is lost and nothing doubled."""
