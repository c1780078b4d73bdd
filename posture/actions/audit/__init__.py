"""Entries of the audit log that say what was done. What changed in watched tables enters by itself."""

from posture.actions.audit.entries import record

__all__ = ["record"]
