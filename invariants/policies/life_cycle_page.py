"""docs/life-cycle.md: the table of steps as a diagram and in words."""

from collections.abc import Iterator
from typing import Final

from invariants.policies.life_cycle import ENFORCE, GATES, TRANSITIONS, State

_HEAD: Final = """\
# The life of an invariant

Written by `manage.py life_cycle_docs` from `invariants/policies/life_cycle.py`; a test compares the two.

The state says what the organisation has decided of an invariant. Whether it holds is its coverage, which is
worked out from AWS: an invariant that AWS enforces already begins as a draft like any other, since nobody
has read, tested and accepted it here. An invariant whose file changes keeps its state, and the gates of
its next step look at the new text. One whose file says `retired: <reason>` is retired by that.

Every step is recorded with who took it, why, the version of the text, and what each gate found; the
database refuses to change or remove that.
"""


def render() -> str:
    """The page."""
    return "\n".join([_HEAD, *_diagram(), "", *_steps(), "", *_gates()]) + "\n"


def _diagram() -> Iterator[str]:
    yield "```mermaid"
    yield "stateDiagram-v2"
    yield "    [*] --> draft: the catalogue is loaded"
    for step in TRANSITIONS:
        yield f"    {_name(step.before)} --> {_name(step.after)}: {step.verb}"
    yield "```"


def _steps() -> Iterator[str]:
    yield "| from | to | who | gates |"
    yield "|---|---|---|---|"
    for step in TRANSITIONS:
        who = "Put invariants into force" if step.right == ENFORCE else "Manage invariants"
        gates = ", ".join(GATES[gate].name for gate in step.gates) or "none"
        yield f"| {_name(step.before)} | {_name(step.after)} | {who} | {gates} |"


def _gates() -> Iterator[str]:
    yield "| gate | demands |"
    yield "|---|---|"
    for rule in GATES.values():
        yield f"| {rule.name} | {rule.demand} |"


def _name(state: str) -> str:
    return str(State(state).label)
