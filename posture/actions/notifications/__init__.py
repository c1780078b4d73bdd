"""Telling people of exceptions: what happened is noted, written out for each person, and sent.

`outbox` notes it in the transaction of what happened, `fan_out` writes a delivery for each person and
channel, `deliver` sends it. Who is told what stands in posture.policies.notifications alone.
"""

from posture.actions.notifications.channels import (
    NewChannel,
    add_channel,
    ask_test,
    remove_channel,
    send_test,
)
from posture.actions.notifications.choosing import Refused, Wanted, choose, set_hours, stop
from posture.actions.notifications.fanning import fan_out, waiting
from posture.actions.notifications.outbox import connect, gather
from posture.actions.notifications.retention import retain
from posture.actions.notifications.sending import MAX_ATTEMPTS, deliver, due, send_again

__all__ = [
    "MAX_ATTEMPTS",
    "NewChannel",
    "Refused",
    "Wanted",
    "add_channel",
    "ask_test",
    "choose",
    "connect",
    "deliver",
    "due",
    "fan_out",
    "gather",
    "remove_channel",
    "retain",
    "send_again",
    "send_test",
    "set_hours",
    "stop",
    "waiting",
]
