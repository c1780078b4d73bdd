"""What changes something when a person or a task asks for it."""

from posture.actions.collection import (
    HISTORY,
    advance,
    facts_every,
    finish,
    full_since,
    is_history_under_way,
    is_replayed,
    needs_full_sweep,
)

__all__ = [
    "HISTORY",
    "advance",
    "facts_every",
    "finish",
    "full_since",
    "is_history_under_way",
    "is_replayed",
    "needs_full_sweep",
]
