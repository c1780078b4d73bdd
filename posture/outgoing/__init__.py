"""The one door for requests to addresses that people have typed.

An address counts only if its host stands in POSTURE_WEBHOOK_HOSTS. The host is looked up once, every
address that it has is checked, and the connection goes to one that was checked: a name that points
elsewhere a moment later changes nothing. Private, loopback and other special addresses are refused
unless POSTURE_WEBHOOK_NETWORKS has them; link-local ones, where clouds keep credentials, always.

Built on http.client rather than on a session of a library: no redirect, proxy, cookie, pool or
decompression is there that would have to be switched off, and the socket is ours.
"""

from posture.outgoing.addresses import (
    Refused,
    Rules,
    Target,
    Unreachable,
    read_target,
    resolve,
    why_not,
)
from posture.outgoing.requests import ANSWER_BYTES, USER_AGENT, Answer, post

__all__ = [
    "ANSWER_BYTES",
    "USER_AGENT",
    "Answer",
    "Refused",
    "Rules",
    "Target",
    "Unreachable",
    "post",
    "read_target",
    "resolve",
    "why_not",
]
