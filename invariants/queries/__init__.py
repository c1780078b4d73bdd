"""What pages and the API read of invariants: frozen dataclasses, never rows with methods."""
