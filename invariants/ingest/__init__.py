"""The catalogue's files, and records of CloudTrail, into the tables."""
