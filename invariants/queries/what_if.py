"""Questions of the kind "what would change if …", and what can be asked about."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from invariants.models import Invariant, WhatIf
from invariants.policies.what_if import BOUNDARY, RCP, SCP, CannotAsk
from invariants.queries import what_if_answers
from inventory.access import AnyUser
from inventory.models import Account, Organization, OrganizationalUnit, OrgPolicy

SHOWN: Final = 20
# A worker takes a question within seconds; after this long nobody is there to take it.
NO_WORKER_AFTER: Final = timedelta(seconds=60)
_NAMED: Final = 5


@dataclass(frozen=True, slots=True)
class Target:
    """The root, an OU or an account. `kind` is ROOT, OU or ACCOUNT."""

    id: str
    label: str
    kind: str


@dataclass(frozen=True, slots=True)
class Choice:
    value: str
    label: str
    group: str = ""


@dataclass(frozen=True, slots=True)
class Choices:
    """What the form offers; any account can be written as well."""

    invariants: tuple[Choice, ...]
    policies: tuple[Choice, ...]
    types: tuple[Choice, ...]
    targets: tuple[Choice, ...]


@dataclass(frozen=True, slots=True)
class Asked:
    """One question as lists and its own page show it; `answer` is None until there is one."""

    id: str
    act: str
    policy_name: str
    policy_ref: str
    policy_type: str
    type_label: str
    policy_text: str
    source: str
    target_id: str
    target_name: str
    state: str
    state_label: str
    error: str
    done: int
    total: int
    by: str
    requested_at: datetime
    finished_at: datetime | None
    expires_at: datetime
    answer: Mapping[str, Any] | None
    is_unfinished: bool
    has_no_worker: bool


def find_target(organization: Organization, text: str) -> Target:
    """The node that somebody means by an id, an account number, a name or a path of names.

    Two queries at most.

    :raises CannotAsk: there is none, or several.
    """
    wanted = " ".join(text.replace("\0", "").split())[:400]
    if not wanted:
        raise CannotAsk("target", "Choose where: the root, an OU or an account.")
    found = [*_ous(organization, wanted), *_accounts(organization, wanted)]
    if not found:
        raise CannotAsk(
            "target",
            f"There is no root, OU or account “{wanted[:80]}” in this organisation. Write its id, or "
            "choose one of the list.",
        )
    if len(found) > 1:
        names = ", ".join(f"{one.label} ({one.id})" for one in found[:_NAMED])
        raise CannotAsk(
            "target", f"“{wanted[:80]}” stands for several: {names}. Write the id of one."
        )
    return found[0]


def _ous(organization: Organization, wanted: str) -> list[Target]:
    rows = OrganizationalUnit.objects.live().filter(organization=organization)
    found = []
    for row in rows.order_by("depth", "ou_id"):
        label = ou_label(organization, row)
        names = {row.ou_id, label, row.name}
        if row.label:
            names |= {row.label, row.label.replace(" / ", "/")}
        if wanted.casefold() in {name.casefold() for name in names}:
            found.append(Target(row.ou_id, label, "ROOT" if row.is_root else "OU"))
    exact = [one for one in found if one.id == wanted]
    return exact or found


def _accounts(organization: Organization, wanted: str) -> list[Target]:
    live = Account.objects.live().filter(organization=organization)
    digits = wanted.replace(" ", "").replace("-", "")
    if len(digits) == 12 and digits.isascii() and digits.isdigit():
        rows = live.filter(account_id=digits)
    else:
        rows = live.filter(name__iexact=wanted)
    return [Target(row.account_id, row.name, "ACCOUNT") for row in rows.order_by("pk")[:_NAMED]]


def ou_label(organization: Organization, ou: OrganizationalUnit) -> str:
    return ou.label or ("Root" if ou.is_root else ou.name)


def choices(user: AnyUser, organization: Organization) -> Choices:
    """What a person who sees the whole organisation can ask about. Three queries."""
    live = Invariant.objects.visible_to(user).live().filter(organization=organization)
    invariants = list(live.exclude(type=BOUNDARY).order_by("key"))
    policies = OrgPolicy.objects.filter(organization=organization, gone_at=None)
    ous = OrganizationalUnit.objects.visible_to(user).live().filter(organization=organization)
    labels = type_labels(invariants)
    held = list(policies.order_by("type", "name", "pk").values_list("policy_id", "name", "type"))
    kinds = {SCP, RCP, *map(str, organization.enabled_policy_types), *(one[2] for one in held)}
    kinds |= set(labels) - {BOUNDARY}
    return Choices(
        invariants=tuple(Choice(one.key, f"{one.key}: {one.statement}") for one in invariants),
        policies=tuple(
            Choice(policy_id, f"{name} ({policy_id})", label_of(kind, labels))
            for policy_id, name, kind in held
        ),
        types=tuple(
            sorted((Choice(k, label_of(k, labels)) for k in kinds), key=lambda c: _rank(c.value))
        ),
        targets=tuple(
            Choice(ou.ou_id, ou_label(organization, ou))
            for ou in sorted(ous, key=lambda ou: ou.label.casefold())
        ),
    )


def _rank(kind: str) -> tuple[int, str]:
    """The two that decide requests first."""
    return ({SCP: 0, RCP: 1}.get(kind, 2), kind)


def type_labels(invariants: "list[Invariant]") -> dict[str, str]:
    return {one.type: one.type_name for one in invariants if one.type_name}


def label_of(kind: str, labels: Mapping[str, str]) -> str:
    """A type of policies for people, from the catalogue's words, or from AWS's own name."""
    return labels.get(kind) or kind.replace("_", " ").capitalize()


def questions(user: AnyUser, *, now: datetime) -> tuple[Asked, ...]:
    """The questions asked last, of everybody, without their answers. One query."""
    rows = WhatIf.objects.visible_to(user).filter(expires_at__gte=now)
    rows = rows.defer("result", "policy_text").order_by("-requested_at", "pk")[:SHOWN]
    return tuple(_asked(row, now, is_whole=False) for row in rows)


def question(user: AnyUser, what_if_id: str, *, now: datetime) -> Asked | None:
    """One question with its answer; None where there is none for the person, or it has expired."""
    rows = WhatIf.objects.visible_to(user).filter(pk=what_if_id, expires_at__gte=now)
    row = rows.select_related("organization").first()
    return None if row is None else _asked(row, now, is_whole=True)


def _asked(row: WhatIf, now: datetime, *, is_whole: bool) -> Asked:
    return Asked(
        id=str(row.pk),
        act=row.act,
        policy_name=row.policy_name,
        policy_ref=row.policy_ref,
        policy_type=row.policy_type,
        type_label=label_of(row.policy_type, {}),
        policy_text=row.policy_text if is_whole else "",
        source=row.source,
        target_id=row.target_id,
        target_name=row.target_name,
        state=row.state,
        state_label=row.get_state_display(),
        error=row.error,
        done=row.done,
        total=row.total,
        by=row.requested_by_name,
        requested_at=row.requested_at,
        finished_at=row.finished_at,
        expires_at=row.expires_at,
        answer=what_if_answers.read(row.result) if is_whole and row.result else None,
        is_unfinished=row.state in (WhatIf.State.WAITING, WhatIf.State.RUNNING),
        has_no_worker=row.state == WhatIf.State.WAITING
        and now - row.requested_at > NO_WORKER_AFTER,
    )
