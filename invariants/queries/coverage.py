"""Whether invariants hold: sums over what a person sees, by OU and by account, with the reason.

Who sees OUs as a whole reads the sums of OuCoverage; who sees single accounts, their own rows. Policies
that stand above an account, and where, are named to those who see the whole organisation.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db.models import Count, Q, QuerySet

from invariants.models import (
    Coverage,
    CoverageProof,
    CoverageRun,
    Invariant,
    OuCoverage,
)
from invariants.models.coverage import COUNTS
from invariants.queries.counts import Counts
from inventory import access, web
from inventory.access import AnyUser, Scope
from inventory.models import OrganizationalUnit
from inventory.web import Key, Page

PAGE_SIZE: Final = 50
_BATCH: Final = 2000
_OWN: Final = "this account"
_KEYS: Final = (Key("account__name"), Key("account__account_id"))
_COLUMNS: Final = tuple(COUNTS.values())


def evaluated_at(user: AnyUser) -> datetime | None:
    """When coverage was last worked out, None before that, or for who sees nothing. One query."""
    if access.scope_of(user).nothing:
        return None
    good = CoverageRun.objects.exclude(state=CoverageRun.State.FAILED)
    return good.order_by("-at").values_list("at", flat=True).first()


def by_invariant(user: AnyUser) -> dict[int, Counts]:
    """Accounts by state, by primary key of the invariant; without those never evaluated. One query, two
    for who sees OUs as well as accounts of teams."""
    return _summed(user, Q())


def of_invariant(user: AnyUser, invariant: Invariant) -> Counts:
    """Accounts by state that the person sees. Queries as by_invariant."""
    return _summed(user, Q(invariant=invariant)).get(invariant.pk, Counts())


def _summed(user: AnyUser, wanted: Q) -> dict[int, Counts]:
    """Of OUs the kept sums, of the accounts of teams, which are few, the rows themselves."""
    scope = access.scope_of(user)
    found: dict[int, Counts] = defaultdict(Counts)
    if scope.everything or scope.ou_paths:
        tops = Q(ou__path__in=_uppermost(scope.ou_paths))
        rows = OuCoverage.objects.visible_to(user).filter(
            wanted, Q(ou__parent=None) if scope.everything else tops, ou__gone_at=None
        )
        for row in rows.values("invariant_id", *_COLUMNS):
            found[row["invariant_id"]] += Counts.read(row)
    if scope.team_ids and not scope.everything:
        mine = Coverage.objects.visible_to(user).filter(wanted, account__team__in=scope.team_ids)
        for path in scope.ou_paths:
            mine = mine.exclude(account__ou__path__startswith=path)
        for invariant_id, counts in _counted(mine, "invariant_id").items():
            found[invariant_id] += counts
    return dict(found)


def _uppermost(paths: Collection[str]) -> list[str]:
    """Those that are below no other: what is below is in their sums."""
    return [
        path
        for path in paths
        if not any(path != other and path.startswith(other) for other in paths)
    ]


def _counted(rows: "QuerySet[Coverage]", by: str) -> dict[int, Counts]:
    """Rows by the key `by`, counted by state. One query."""
    found: dict[int, dict[str, int]] = defaultdict(dict)
    counted = rows.values_list(by, "state").order_by().annotate(accounts=Count("pk"))
    for key, state, accounts in counted:
        found[key][COUNTS[Coverage.State(state)]] = accounts
    return {key: Counts(**states) for key, states in found.items()}


@dataclass(frozen=True, slots=True)
class OuCounts:
    """An OU and the accounts below it, at any depth. `own` are those right in it.

    `is_attached`: a policy that decides the invariant in some account is attached right here.
    """

    ou_id: str
    name: str
    label: str
    parent_id: str
    depth: int
    counts: Counts
    own: Counts
    is_attached: bool


def tree(user: AnyUser, invariant: Invariant) -> tuple[OuCounts, ...]:
    """The OUs that the person sees as a whole, parents first and each before its next sibling; with the
    root alone where nothing was evaluated. Three queries."""
    ous: list[Any] = list(
        OrganizationalUnit.objects.visible_to(user)
        .live()
        .order_by("path")
        .values("pk", "ou_id", "name", "label", "depth", "path", "parent__ou_id")
    )
    rows = OuCoverage.objects.visible_to(user).filter(invariant=invariant)
    below = {row["ou_id"]: Counts.read(row) for row in rows.values("ou_id", *_COLUMNS)}
    own = _counted(
        Coverage.objects.visible_to(user).filter(invariant=invariant, account__gone_at=None),
        "account__ou_id",
    )
    levels = _levels(invariant) if access.scope_of(user).everything else frozenset()
    return tuple(
        OuCounts(
            ou_id=ou["ou_id"],
            name=ou["name"],
            label=ou["label"] or ou["name"],
            parent_id=ou["parent__ou_id"] or "",
            depth=ou["depth"],
            counts=below.get(ou["pk"], Counts()),
            own=own.get(ou["pk"], Counts()),
            is_attached=ou["ou_id"] in levels,
        )
        for ou in _in_order(ous)
    )


def _in_order(ous: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Siblings by name, each with all that is below it."""
    names = {ou["path"]: ou["name"] for ou in ous}

    def place(ou: dict[str, Any]) -> list[tuple[str, str]]:
        steps = ou["path"].rstrip("/").split("/")
        paths = ["/".join(steps[: end + 1]) + "/" for end in range(len(steps))]
        return [(names.get(path, "").casefold(), path) for path in paths]

    return sorted(ous, key=place)


def _levels(invariant: Invariant) -> frozenset[str]:
    """Where the policies that decide it somewhere are attached; one that cannot be read decides
    nothing. One query."""
    proofs = CoverageProof.objects.filter(invariant=invariant, policy__isnull=False)
    proofs = proofs.exclude(state=Coverage.State.UNKNOWN)
    return frozenset(
        proofs.exclude(level__in=["", CoverageProof.OWN]).values_list("level", flat=True)
    )


def matrix(
    user: AnyUser, *, invariants: Collection[int], ous: Collection[int]
) -> dict[tuple[int, int], Counts]:
    """Accounts by state, by primary keys of invariant and OU. One query."""
    rows = OuCoverage.objects.visible_to(user).filter(invariant__in=invariants, ou__in=ous)
    return {
        (row["invariant_id"], row["ou_id"]): Counts.read(row)
        for row in rows.values("invariant_id", "ou_id", *_COLUMNS)
    }


@dataclass(frozen=True, slots=True)
class AccountLine:
    """How an invariant stands in an account. `policy` and `level` are "" where none decides, and for who
    does not see what stands above the account."""

    account_id: str
    name: str
    ou_id: str
    ou_label: str
    team: str
    state: str
    state_name: str
    reason: str
    policy: str
    level: str
    since: datetime


def accounts(
    user: AnyUser,
    invariant: Invariant,
    *,
    states: Collection[str] = (),
    ou: OrganizationalUnit | None = None,
    cursor_text: str = "",
    size: int = PAGE_SIZE,
) -> Page[AccountLine]:
    """One page of accounts by name. Two queries.

    :param states: none are all. :param ou: with all that is below it.
    """
    rows = _rows(user, invariant, states=states, ou=ou)
    cursor = web.read_cursor(cursor_text, keys=_KEYS)
    page = web.keyset(rows, keys=_KEYS, cursor=cursor, size=size)
    lines = tuple(_lines(user, page.rows))
    return Page(lines, page.next_cursor, page.previous_cursor)


def account_line(user: AnyUser, invariant: Invariant, account_id: str) -> AccountLine | None:
    """How it stands in one account; None where the person sees no such one, or nothing was worked out.
    Two queries."""
    rows = _rows(user, invariant, states=(), ou=None).filter(account__account_id=account_id)
    return next(_lines(user, rows), None)


def account_records(
    user: AnyUser,
    invariant: Invariant,
    *,
    states: Collection[str] = (),
    ou: OrganizationalUnit | None = None,
) -> Iterator[AccountLine]:
    """All of them, by name, read by and by."""
    rows = _rows(user, invariant, states=states, ou=ou).order_by(*(key.field for key in _KEYS))
    return _lines(user, rows.iterator(chunk_size=_BATCH))


def _rows(
    user: AnyUser,
    invariant: Invariant,
    *,
    states: Collection[str],
    ou: OrganizationalUnit | None,
) -> "QuerySet[Coverage, Any]":
    rows = Coverage.objects.visible_to(user).filter(invariant=invariant, account__gone_at=None)
    if states:
        rows = rows.filter(state__in=states)
    if ou is not None:
        rows = rows.filter(account__ou__path__startswith=ou.path)
    return rows.values_list(
        "account__account_id",
        "account__name",
        "account__ou__ou_id",
        "account__ou__label",
        "account__ou__name",
        "account__team__name",
        "state",
        "proof__reason",
        "proof__policy__name",
        "proof__level",
        "since",
        named=True,
    )


def _lines(user: AnyUser, rows: Iterable[Any]) -> Iterator[AccountLine]:
    scope = access.scope_of(user)
    names = _level_names() if scope.everything else {}
    for row in rows:
        yield _line(row, names, scope)


def _line(row: Any, names: dict[str, str], scope: Scope) -> AccountLine:
    return AccountLine(
        account_id=row.account__account_id,
        name=row.account__name,
        ou_id=row.account__ou__ou_id,
        ou_label=row.account__ou__label or row.account__ou__name,
        team=row.account__team__name or "",
        state=row.state,
        state_name=str(Coverage.State(row.state).label),
        reason=row.proof__reason,
        policy=(row.proof__policy__name or "") if scope.everything else "",
        level=_level(row.proof__level, names) if scope.everything else "",
        since=row.since,
    )


def _level(level: str, names: dict[str, str]) -> str:
    return _OWN if level == CoverageProof.OWN else names.get(level, level)


def _level_names() -> dict[str, str]:
    """OUs by id. One query."""
    return dict(OrganizationalUnit.objects.live().values_list("ou_id", "name"))
