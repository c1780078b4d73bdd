"""What the message of a denied request says: which kind of policy denied it, and which one.

The wording is AWS's own: "User: <arn> is not authorized to perform: <action> on resource: <arn>"
followed by "with an explicit deny in a <kind>" or "because no <kind> allows the <action> action"
(https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html). Since January 2026
the policy's ARN follows an explicit deny after a colon, for service control policies, resource control
policies, permissions boundaries, session policies and identity-based policies, in the same account or
organisation only, and service by service
(https://aws.amazon.com/blogs/security/enhanced-access-denied-error-messages-with-policy-arns). Where
policies of several kinds deny, one kind is named; EC2 puts a sentence of its own before it and an
encoded message behind it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class PolicyKind(StrEnum):
    """Which kind of policy denied, in AWS's words."""

    SCP = "SCP"
    RCP = "RCP"
    BOUNDARY = "BOUNDARY"
    SESSION = "SESSION"
    IDENTITY = "IDENTITY"
    RESOURCE = "RESOURCE"
    ENDPOINT = "ENDPOINT"
    TRUST = "TRUST"


@dataclass(frozen=True, slots=True)
class Said:
    """What a message says.

    `kind` is None where the service words it in its own way; `policy_arn` "" where none is named, or
    where it was cut off; `action` "" likewise. `is_explicit`: by a Deny, not for want of an Allow.
    """

    kind: PolicyKind | None = None
    is_explicit: bool = False
    policy_arn: str = ""
    action: str = ""
    resource: str = ""
    is_cut: bool = False


NOTHING: Final = Said()

# CloudTrail keeps 1 KB of errorMessage: what touches the end of so much may go on behind it.
CUT_AT: Final = 1024
# More than CloudTrail ever keeps is not looked at.
_LONGEST: Final = 8192
_KINDS: Final = {
    "service control policy": PolicyKind.SCP,
    "resource control policy": PolicyKind.RCP,
    "permissions boundary": PolicyKind.BOUNDARY,
    "session policy": PolicyKind.SESSION,
    "identity-based policy": PolicyKind.IDENTITY,
    "resource-based policy": PolicyKind.RESOURCE,
    "vpc endpoint policy": PolicyKind.ENDPOINT,
    "role trust policy": PolicyKind.TRUST,
}
_KIND: Final = "|".join(_KINDS)
# The names of resources are other people's words and may hold any of these: only what ends the
# message is AWS's own, and behind it nothing but what AWS and its SDKs are known to add.
_TAIL: Final = r"\.?(?:\s+Encoded authorization failure message:.*|\s*\(Service: .*)?\s*\Z"
_EXPLICIT: Final = re.compile(
    rf"\bwith an explicit deny in (?:an?|the) (?P<kind>{_KIND})(?:: ?(?P<arn>arn:[^\s\"]+?))?{_TAIL}",
    re.IGNORECASE,
)
_IMPLICIT: Final = re.compile(
    rf"\bbecause no (?P<kind>{_KIND}) allows the (?:[a-z0-9-]+:\w+ )?action{_TAIL}", re.IGNORECASE
)
_PERFORM: Final = re.compile(
    r"\bis not authorized to perform: (?P<action>[a-z0-9][a-z0-9-]{0,62}:[A-Za-z0-9]{1,128})(?=\s|\.|\Z)"
    r"(?: on resource: \"?(?P<resource>[^\s\"]+))?"
)
_ORGANIZATIONS: Final = re.compile(
    r"arn:aws[a-z-]*:organizations::(?:\d{12}|aws):policy/(?:o-[a-z0-9]{10,32}/)?"
    r"(?P<type>service_control_policy|resource_control_policy)/p-[0-9a-zA-Z_]{8,128}"
)
_IAM: Final = re.compile(r"arn:aws[a-z-]*:iam::(?:\d{12}|aws):policy/[\w+=,.@/-]{1,640}", re.ASCII)
_TYPES: Final = {
    PolicyKind.SCP: "service_control_policy",
    PolicyKind.RCP: "resource_control_policy",
}


def read_message(message: str) -> Said:
    """Return what the errorMessage of a record says; NOTHING of what is worded otherwise."""
    text = message[:_LONGEST]
    is_cut = len(text.encode("utf-8", "replace")) >= CUT_AT
    performed = _PERFORM.search(text)
    action = performed["action"] if performed else ""
    resource = (performed["resource"] or "").rstrip(".") if performed else ""
    found = _last(_EXPLICIT, text) or _last(_IMPLICIT, text)
    if found is None:
        return Said(action=action, resource=resource, is_cut=is_cut)
    kind = _KINDS[found["kind"].lower()]
    is_explicit = found.re is _EXPLICIT
    named = (found["arn"] or "") if is_explicit else ""
    # Cut anywhere in it, an ARN would be that of another policy.
    ends_message = bool(named) and text.rstrip().endswith(named)
    arn = "" if is_cut and ends_message else _policy(named, kind)
    return Said(kind, is_explicit, arn, action, resource, is_cut)


def _last(pattern: re.Pattern[str], text: str) -> re.Match[str] | None:
    """The match that ends the message, where earlier words of the same form are somebody's name."""
    start, found = 0, None
    while (match := pattern.search(text, start)) is not None:
        found, start = match, match.start() + 1
    return found


def _policy(named: str, kind: PolicyKind) -> str:
    """The ARN, if it is one of a policy of this kind; else ""."""
    arn = named.rstrip(".")
    if kind in _TYPES:
        match = _ORGANIZATIONS.fullmatch(arn)
        return arn if match and match["type"] == _TYPES[kind] else ""
    if kind in (PolicyKind.BOUNDARY, PolicyKind.IDENTITY, PolicyKind.SESSION):
        return arn if _IAM.fullmatch(arn) else ""
    return ""
