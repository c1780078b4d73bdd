"""The pages at the door, and everybody's own pages about signing in."""

from posture.views.sign_in.addresses import addresses
from posture.views.sign_in.pages import session_end, sessions, sessions_end

__all__ = ["addresses", "session_end", "sessions", "sessions_end"]
