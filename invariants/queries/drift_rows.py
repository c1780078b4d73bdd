"""What a page and the API show of drift: rows, the inbox, and one drift with what to do about it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from invariants.models import Drift
from invariants.policies import diffs
from invariants.policies.diffs import Line
from invariants.policies.remedies import Remedy
from inventory import web


@dataclass(frozen=True, slots=True)
class Filters:
    """ "" is any; `standing` is one of STANDINGS, `age` of AGES."""

    kind: str = ""
    invariant: str = ""
    standing: str = "open"
    age: str = ""

    @property
    def is_narrowed(self) -> bool:
        return bool(self.kind or self.invariant or self.age or self.standing != "open")


@dataclass(frozen=True)
class Row:
    """One drift. `diff` is worked out when it is asked for; `url` is of its page without the host."""

    pk: int
    kind: str
    kind_label: str
    severity: str
    summary: str
    invariant_key: str
    policy_type: str
    policy_id: str
    policy_name: str
    target_id: str
    target_name: str
    account_id: str
    before: str
    after: str
    first_seen: datetime
    last_seen: datetime
    ended_at: datetime | None
    changed_by: str
    changed_at: datetime | None
    changed_since: datetime
    event_id: str
    event_name: str
    who_note: str
    state: str
    owner: str
    note: str
    decided_by: str
    decided_at: datetime | None
    decided_why: str
    exceptions: tuple[str, ...] = ()
    is_explained: bool = False

    @property
    def standing(self) -> str:
        if self.ended_at:
            return "ended"
        if self.state == Drift.State.ACCEPTED:
            return "accepted"
        return "explained" if self.is_explained else "open"

    @property
    def changed_by_short(self) -> str:
        """Who, without the role that they had."""
        return self.changed_by.partition(" as ")[0]

    @cached_property
    def diff(self) -> tuple[Line, ...]:
        return diffs.diff(self.before, self.after)

    @property
    def changes(self) -> str:
        """How much, for who does not see the colours: "1 line removed, 2 added"."""
        gone, came = diffs.counts(self.diff)
        return f"{gone} line{'' if gone == 1 else 's'} removed, {came} added"


@dataclass(frozen=True, slots=True)
class Compared:
    """As of when the catalogue and AWS were last compared; `skipped_at` and `why` where a later reading
    could not be. `unreadable` are names of policies whose text could not be read then."""

    at: datetime | None = None
    skipped_at: datetime | None = None
    why: str = ""
    unreadable: tuple[str, ...] = ()
    classes: Mapping[str, int] | None = None


@dataclass(frozen=True, slots=True)
class Inbox:
    """A page of rows, how many there are in each standing, and what can be chosen."""

    page: web.Page[Row]
    total: int
    standings: Mapping[str, int]
    kinds: tuple[tuple[str, str, int], ...]
    invariants: tuple[str, ...]
    compared: Compared


@dataclass(frozen=True, slots=True)
class Detail:
    """`accept`, `commands` and `terraform` for who sees the whole organisation: they hold policies."""

    row: Row
    can_manage: bool
    sees_all: bool
    accept: Remedy | None
    commands: Remedy | None
    terraform: Remedy | None
