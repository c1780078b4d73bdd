"""Sums of invariants with findings and denials, counted beforehand so that pages read few rows."""
