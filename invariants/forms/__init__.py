"""What people send: filters from query strings, and forms."""
