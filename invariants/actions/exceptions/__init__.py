"""Everything that happens to an exception: the only writers, whatever page, API or command calls them.

Each asks the table of steps (invariants.policies.exceptions), and writes its event, its clock and its
effect on findings in one transaction. `By` is a person and from where they act.
"""

from invariants.actions.exceptions.absences import come_back, leave
from invariants.actions.exceptions.deciding import (
    RiskView,
    approve,
    assess,
    grant,
    reject,
    request_changes,
    triage,
)
from invariants.actions.exceptions.drafting import Sheet, draft, save, submit, withdraw
from invariants.actions.exceptions.ending import Ticked, revoke, tick
from invariants.actions.exceptions.implementing import Sight, implement, remove, take_in, verify
from invariants.actions.exceptions.recording import By
from invariants.actions.exceptions.renewing import renew
from invariants.actions.exceptions.reviewing import ask_review, linger, look_again
from invariants.actions.exceptions.scoping import Line, narrow, set_milestones, set_scope
from invariants.actions.exceptions.talking import File, attach, comment, finish_milestone

__all__ = [
    "By",
    "File",
    "Line",
    "RiskView",
    "Sheet",
    "Sight",
    "Ticked",
    "approve",
    "ask_review",
    "assess",
    "attach",
    "come_back",
    "comment",
    "draft",
    "finish_milestone",
    "grant",
    "implement",
    "leave",
    "linger",
    "look_again",
    "narrow",
    "reject",
    "remove",
    "renew",
    "request_changes",
    "revoke",
    "save",
    "set_milestones",
    "set_scope",
    "submit",
    "take_in",
    "tick",
    "triage",
    "verify",
    "withdraw",
]
