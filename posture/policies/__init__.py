"""Rules that are tables: who may do what."""
