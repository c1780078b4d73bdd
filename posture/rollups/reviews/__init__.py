"""Freezes a week: its numbers, and a draft of what they say."""

from posture.rollups.reviews.freeze import freeze, freeze_due

__all__ = ["freeze", "freeze_due"]
