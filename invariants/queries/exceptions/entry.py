"""From where somebody asks for an exception: a finding, a control, an invariant, an account or a denial."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, TypeVar
from urllib.parse import urlencode

from django.contrib.auth.models import User
from django.db.models import Max
from django.urls import reverse

from findings.models import Control, Finding
from findings.queries.hints import Way
from invariants.models import Denial, DenialServes, ExceptionEvent, ExceptionRequest, Invariant
from invariants.models.exceptions import ExceptionState, Verb
from invariants.policies.exceptions import tiers
from inventory import access
from inventory.access import AnyUser
from inventory.models import Account

KINDS: Final = ("finding", "denial", "invariant", "control", "account")
Row = TypeVar("Row")
# Ids are 64 bits wide; a longer number in the address is nothing.
_LONGEST_ID: Final = 18


class NothingThere(LookupError):
    """What the address names is not there, or this person does not see it."""


@dataclass(frozen=True, slots=True)
class Source:
    """What a person came from, as far as they see it. A denial has its invariant with it, if it is
    known; `account` alone says where, and nothing of what from."""

    finding: Finding | None = None
    control: Control | None = None
    invariant: Invariant | None = None
    denial: Denial | None = None
    account: Account | None = None

    @property
    def target(self) -> Finding | Control | Invariant | None:
        return self.finding or self.invariant or self.control

    @property
    def query(self) -> str:
        """The same place as a query string."""
        named = {
            "finding": self.finding.pk if self.finding else None,
            "denial": self.denial.pk if self.denial else None,
            "invariant": self.invariant.key if self.invariant and not self.denial else None,
            "control": self.control.control_id if self.control and not self.finding else None,
        }
        if self.account and not (self.finding or self.denial):
            named["account"] = self.account.account_id
        return urlencode({name: value for name, value in named.items() if value is not None})


def may_ask(user: AnyUser) -> bool:
    return user.has_perm(tiers.REQUEST)


def of_address(user: AnyUser, given: Mapping[str, str]) -> Source:
    """What the query string of an address names. Three queries at most.

    :raises NothingThere: where it names something that this person does not see.
    """
    named = {kind: given[kind].strip() for kind in KINDS if given.get(kind, "").strip()}
    # No id has it, and PostgreSQL takes it for none.
    if any("\0" in text for text in named.values()):
        raise NothingThere("that address")
    account = _account(user, named["account"]) if "account" in named else None
    if "finding" in named:
        finding = _finding(user, named["finding"])
        return Source(finding=finding, control=finding.control, account=finding.account)
    if "denial" in named:
        denial = _denial(user, named["denial"])
        served = _served(user, denial)
        return Source(denial=denial, invariant=served, account=denial.account)
    if "invariant" in named:
        return Source(invariant=_invariant(user, named["invariant"]), account=account)
    if "control" in named:
        return Source(control=_control(user, named["control"]), account=account)
    return Source(account=account)


def _number(text: str) -> int:
    if not text.isdecimal() or len(text) > _LONGEST_ID:
        raise NothingThere(text)
    return int(text)


def _finding(user: AnyUser, text: str) -> Finding:
    rows = Finding.objects.visible_to(user).select_related(
        "account__ou", "account__team", "control", "organization"
    )
    return _there(rows.filter(pk=_number(text)).first(), text)


def _denial(user: AnyUser, text: str) -> Denial:
    rows = Denial.objects.visible_to(user).select_related("account__ou", "account__team")
    return _there(rows.filter(pk=_number(text)).first(), text)


def _served(user: AnyUser, denial: Denial) -> Invariant | None:
    """The invariant that the denial was for; where several may have, the most certain one."""
    rows = DenialServes.objects.visible_to(user).filter(denial=denial, invariant__gone_at=None)
    found = rows.select_related("invariant__organization").order_by("-is_certain", "invariant__key")
    first = found.first()
    return first.invariant if first else None


def _invariant(user: AnyUser, key: str) -> Invariant:
    rows = Invariant.objects.live().visible_to(user).select_related("organization")
    return _there(rows.filter(key=key).order_by("pk").first(), key)


def _control(user: AnyUser, control_id: str) -> Control:
    if access.scope_of(user).nothing:
        raise NothingThere(control_id)
    rows = Control.objects.filter(control_id=control_id).select_related("organization")
    return _there(rows.order_by("pk").first(), control_id)


def _account(user: AnyUser, account_id: str) -> Account:
    rows = Account.objects.visible_to(user).live().select_related("ou", "team", "organization")
    return _there(rows.filter(account_id=account_id).order_by("pk").first(), account_id)


def _there(row: Row | None, named: str) -> Row:
    if row is None:
        raise NothingThere(named)
    return row


def way_of_finding(user: AnyUser, finding: Finding) -> Way | None:
    """What the page of a finding offers; see findings.queries.hints.register_exception."""
    if not may_ask(user):
        return None
    return Way(f"{reverse('exceptions:new')}?finding={finding.pk}", "Request an exception")


def draft_for(user: AnyUser, source: Source) -> ExceptionRequest | None:
    """Their own newest draft for the same target, which they may have forgotten. One query."""
    if not isinstance(user, User):
        return None
    mine = ExceptionRequest.objects.filter(requester_id=user.pk, state=ExceptionState.DRAFT)
    if source.finding is not None:
        mine = mine.filter(finding_key=bytes(source.finding.key))
    elif source.target is None:
        return None
    else:
        mine = mine.filter(
            invariant=source.invariant, control=source.control, finding_key__isnull=True
        )
    return mine.order_by("-pk").first()


def filled_in(request: ExceptionRequest) -> timedelta | None:
    """From when the form was first opened to when it was first sent; None where it was not asked for
    by the form, or not sent yet. One query."""
    rows = ExceptionEvent.objects.filter(request=request, verb__in=[Verb.DRAFT, Verb.SUBMIT])
    first = {}
    for verb, at, after in rows.order_by("-number").values_list("verb", "at", "after"):
        first[verb] = (at, after)
    if Verb.DRAFT not in first or Verb.SUBMIT not in first:
        return None
    opened = first[Verb.DRAFT][1].get("opened_at")
    return first[Verb.SUBMIT][0] - datetime.fromisoformat(opened) if opened else None


def last_written(request: ExceptionRequest) -> int:
    """The number of the newest event that wrote what is asked for, 0 where none did yet: whoever
    saves says which one they saw last. One query."""
    written = ExceptionEvent.objects.filter(request=request, verb=Verb.SAVE)
    return int(written.aggregate(last=Max("number"))["last"] or 0)
