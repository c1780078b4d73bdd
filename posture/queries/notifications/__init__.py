"""Who is told of exceptions, what they are told, and how that is shown."""
