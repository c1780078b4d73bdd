"""Findings of every product in the shapes that AWS and Prowler send, as functions with defaults.

Each product module gives what is its own; what all ASFF has comes from tests/fixtures/findings.py.
"""
