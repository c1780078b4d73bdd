"""Forms of the exceptions process."""
