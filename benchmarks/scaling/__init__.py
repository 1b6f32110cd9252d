"""What Ray costs a study, and how far one driver and one SQLite file carry."""
