"""What leaves the house of exceptions: the record of one, for an auditor."""

from invariants.reports.record import record_pdf

__all__ = ["record_pdf"]
