"""Exceptions of the demo organisation, asked for, decided on and put in place by its people, by the steps
that their clicks take."""

from posture.management.exceptions.playing import Played, play

__all__ = ["Played", "play"]
