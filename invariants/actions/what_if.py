"""Asking what would change if a policy were attached somewhere. Nothing is changed by it, in AWS or here."""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.contrib.auth.models import User

from invariants.models import Invariant, WhatIf
from invariants.policies import what_if as policies
from invariants.policies.what_if import CannotAsk
from invariants.queries import what_if as queries
from inventory.models import Organization, OrgPolicy, PolicyAttachment

Act = WhatIf.Act
Source = WhatIf.Source
# AWS's own, which cannot be detached.
_RCP_FULL_ACCESS: Final = "p-RCPFullAWSAccess"


@dataclass(frozen=True, slots=True)
class Question:
    """What somebody asks, as they wrote it.

    `policy` is the key of an invariant or the id of a policy in AWS, `text` a policy's JSON with its
    `policy_type` and a `name` for it; which of them counts says `source`. `target` is an id, an account
    number or a path of names.
    """

    act: str
    source: str
    target: str
    policy: str = ""
    text: str = ""
    policy_type: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class _Policy:
    ref: str
    name: str
    type: str
    text: str


def ask(
    organization: Organization, question: Question, *, by: User | None, now: datetime
) -> tuple[WhatIf, bool]:
    """Note the question; returns it and whether it is new.

    The same question of the same person that is still waiting is not asked twice. What has expired
    goes.

    :raises CannotAsk: the question is none; `item` says which part of it.
    """
    act, source = _chosen(question)
    policy = _policy(organization, source, question)
    target = queries.find_target(organization, question.target)
    _check_attachment(organization, act, source, policy, target)
    digest = _digest(act, policy, target.id)
    WhatIf.objects.filter(expires_at__lt=now).delete()
    mine = WhatIf.objects.unfinished().filter(requested_by=by)
    same = mine.filter(digest=digest, organization=organization).order_by("-requested_at").first()
    if same is not None:
        return same, False
    if by is not None and mine.count() >= policies.WAITING_PER_PERSON:
        raise CannotAsk(
            "act",
            f"{policies.WAITING_PER_PERSON} questions of yours are still waiting. Wait for one of them; "
            "if none moves, see on the sync page whether a worker runs.",
        )
    row = WhatIf.objects.create(
        organization=organization,
        act=act,
        source=source,
        policy_ref=policy.ref,
        policy_name=policy.name,
        policy_type=policy.type,
        policy_text=policy.text,
        target_id=target.id,
        target_name=target.label,
        digest=digest,
        requested_by=by,
        requested_by_name=by.get_username() if by else "manage.py",
        requested_at=now,
        expires_at=now + timedelta(days=policies.KEPT_DAYS),
    )
    return row, True


def _chosen(question: Question) -> tuple[Act, Source]:
    if question.act not in Act.values:
        raise CannotAsk("act", "Choose whether the policy is attached or detached.")
    if question.source not in Source.values:
        raise CannotAsk("source", "Choose where the policy comes from.")
    return Act(question.act), Source(question.source)


def _policy(organization: Organization, source: Source, question: Question) -> _Policy:
    if source == Source.INVARIANT:
        return _of_invariant(organization, question.policy)
    if source == Source.AWS:
        return _of_aws(organization, question.policy)
    if not question.policy_type:
        raise CannotAsk("type", "Choose the type of the policy.")
    policies.check_text(question.text, question.policy_type)
    name = " ".join(question.name.replace("\0", "").split())[:128]
    return _Policy("", name or "The pasted policy", question.policy_type, question.text)


def _of_invariant(organization: Organization, key: str) -> _Policy:
    found = (
        Invariant.objects.live()
        .filter(organization=organization, key=key)
        .select_related("version")
        .first()
    )
    if found is None or found.version is None:
        raise CannotAsk(
            "policy", f"The catalogue has no invariant “{key}”. Choose one of the list."
        )
    if found.type == policies.BOUNDARY:
        raise CannotAsk(
            "policy",
            f"“{key}” is a permissions boundary, which IAM attaches to roles and nobody to an OU. "
            "Choose another invariant.",
        )
    if examples := found.version.source.get("examples"):
        raise CannotAsk(
            "policy",
            f"The policy of “{key}” still has example values, which would name strangers. Set "
            f"{', '.join(sorted(examples))} in parameters.yaml of your catalogue folder.",
        )
    text = json.dumps(found.version.content["policy"], indent=2, ensure_ascii=False)
    return _Policy(key, key, found.type, text)


def _of_aws(organization: Organization, policy_id: str) -> _Policy:
    found = OrgPolicy.objects.filter(
        organization=organization, policy_id=policy_id, gone_at=None
    ).first()
    if found is None:
        raise CannotAsk("policy", f"AWS has no policy “{policy_id}”. Choose one of the list.")
    if not found.content:
        raise CannotAsk(
            "policy",
            f"The text of “{found.name}” could not be read from AWS, so nobody knows what it would do. "
            "See the sync page for the missing permission, or paste the text.",
        )
    return _Policy(found.policy_id, found.name, found.type, found.content)


def _check_attachment(
    organization: Organization,
    act: Act,
    source: Source,
    policy: _Policy,
    target: queries.Target,
) -> None:
    """What is not attached cannot be detached, and what is need not be attached."""
    if act == Act.DETACH and source != Source.AWS:
        raise CannotAsk(
            "policy", "Only a policy that is in AWS can be detached: choose “a policy in AWS”."
        )
    if source != Source.AWS:
        return
    held = PolicyAttachment.objects.filter(
        policy__organization=organization, policy__policy_id=policy.ref, until=None
    )
    places = dict.fromkeys(held.order_by("target_id").values_list("target_id", flat=True))
    if act == Act.ATTACH and target.id in places:
        raise CannotAsk(
            "target",
            f"“{policy.name}” is attached to {target.label} already: nothing would change.",
        )
    if act == Act.DETACH and policy.ref == _RCP_FULL_ACCESS:
        raise CannotAsk("policy", "RCPFullAWSAccess cannot be detached: AWS keeps it everywhere.")
    if act == Act.DETACH and target.id not in places:
        there = ", ".join(list(places)[:5]) or "nothing"
        raise CannotAsk(
            "target",
            f"“{policy.name}” is not attached to {target.label} itself; it is attached to {there}. "
            "Choose one of these.",
        )


def _digest(act: Act, policy: _Policy, target_id: str) -> str:
    text = json.dumps([act, policy.ref, policy.type, policy.text, target_id])
    return hashlib.sha256(text.encode()).hexdigest()
