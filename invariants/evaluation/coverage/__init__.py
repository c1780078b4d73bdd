"""Whether each invariant holds in each account, proven by its probes.

`world`, `evaluate` and all that is behind them are pure; `run` reads the inventory and writes what has
changed.
"""

from invariants.evaluation.coverage.evaluating import (
    Decision,
    Evaluation,
    Group,
    decisions,
    evaluate,
    own_level,
)
from invariants.evaluation.coverage.running import record_failure, run
from invariants.evaluation.coverage.world import Attachment, Node, PolicyText, World

__all__ = [
    "Attachment",
    "Decision",
    "Evaluation",
    "Group",
    "Node",
    "PolicyText",
    "World",
    "decisions",
    "evaluate",
    "own_level",
    "record_failure",
    "run",
]
