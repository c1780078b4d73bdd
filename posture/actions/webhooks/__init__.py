"""Webhooks: events are announced, written out for each webhook, and sent by workers.

`announce` is what other actions call, in the transaction of what they announce. Whatever comes after
it happens in tasks.
"""

from posture.actions.webhooks.managing import (
    MOST,
    NAME,
    OVERLAP,
    Refused,
    add,
    may_own,
    remove,
    replay,
    replay_all,
    replay_given_up,
    rotate,
    send_test,
    switch,
)
from posture.actions.webhooks.outbox import announce, fan_out, gather_findings, waiting
from posture.actions.webhooks.retention import retain
from posture.actions.webhooks.sending import MAX_ATTEMPTS, deliver, due, rules

__all__ = [
    "MAX_ATTEMPTS",
    "MOST",
    "NAME",
    "OVERLAP",
    "Refused",
    "add",
    "announce",
    "deliver",
    "due",
    "fan_out",
    "gather_findings",
    "may_own",
    "remove",
    "replay",
    "replay_all",
    "replay_given_up",
    "retain",
    "rotate",
    "rules",
    "send_test",
    "switch",
    "waiting",
]
