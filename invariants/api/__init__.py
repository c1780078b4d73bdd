"""The invariants for programs, by the queries of the pages: a register, its coverage, drift and denials."""
