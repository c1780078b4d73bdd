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
from invariants.actions.exceptions.drafting import (
    Line,
    draft,
    narrow,
    renew,
    save,
    set_milestones,
    set_scope,
    submit,
    withdraw,
)
from invariants.actions.exceptions.ending import Ticked, revoke, tick
from invariants.actions.exceptions.implementing import Sight, implement, remove, verify
from invariants.actions.exceptions.recording import By
from invariants.actions.exceptions.talking import File, attach, comment, finish_milestone

__all__ = [
    "By",
    "File",
    "Line",
    "RiskView",
    "Sight",
    "Ticked",
    "approve",
    "assess",
    "attach",
    "come_back",
    "comment",
    "draft",
    "finish_milestone",
    "grant",
    "implement",
    "leave",
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
    "tick",
    "triage",
    "verify",
    "withdraw",
]
