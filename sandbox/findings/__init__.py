"""Builders of findings in the AWS Security Finding Format (ASFF), one module a product."""
