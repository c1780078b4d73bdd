"""Where a line of the log, or an entry of the audit log, comes from, and how lines are written."""

from posture.logs.origin import Actor, Origin, actor_of, begin, current

__all__ = ["Actor", "Origin", "actor_of", "begin", "current"]
