"""The accounts below an OU at the end of a day: how many have which letter, whose they are, and
which of them need help.

In the OUs and with the owners of that day, as the sums of the OU are, so that the parts of a
scorecard agree. Whoever calls has made sure that the person sees the OU as a whole.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from django.db import connection

from inventory import access
from inventory.access import AnyUser
from inventory.models import Account, OrganizationalUnit
from inventory.models.accounts import AccountState
from posture.queries import figures, letters
from posture.queries.accounts import AccountRow
from posture.queries.scorecard.people import Owner, People, people
from posture.scoring import Letter

SHOWN: Final = 5
# One reading of all accounts below the OU: to ask for each list by itself costs several times as much.
_BELOW: Final = """
WITH days AS (
    SELECT max(day) AS previous FROM posture_accountday WHERE area = '' AND day < %(day)s
), read AS MATERIALIZED (
    SELECT d.account_id, o.path, d.team_key, d.is_scored,
        NOT d.is_scored AND o.role <> 'SUSPENDED' AND (
            SELECT a.state = 'ACTIVE' FROM inventory_account a WHERE a.id = d.account_id) AS is_new,
        d.managed_d - d.managed_n AS lost, d.managed_n / NULLIF(d.managed_d, 0) AS share,
        CASE WHEN d.is_scored THEN {rank} END AS rank
    FROM inventory_organizationalunit o
    JOIN posture_accountday d ON d.ou_id = o.id AND d.day = %(day)s AND d.area = ''
    LEFT JOIN posture_accountday b ON b.account_id = d.account_id AND b.area = ''
        AND b.day = (SELECT previous FROM days)
    {percents}
    WHERE o.organization_id = %(organization)s AND starts_with(o.path, %(path)s)
)
SELECT 'letter', path, rank, count(*), 0, 0, NULL::date FROM read WHERE is_scored GROUP BY path, rank
UNION ALL
SELECT 'team', COALESCE(t.name, ''), team_key, count(*), count(*) FILTER (WHERE is_scored),
    count(*) FILTER (WHERE is_new), NULL
FROM read LEFT JOIN inventory_team t ON t.id = team_key GROUP BY t.name, team_key
UNION ALL
SELECT 'help', '', account_id, row_number() OVER (ORDER BY lost DESC, account_id), 0, 0, previous
FROM days, (SELECT * FROM read WHERE is_scored AND lost > 0
    ORDER BY lost DESC, account_id LIMIT %(limit)s) help
UNION ALL
SELECT 'lowest', '', account_id, row_number() OVER (ORDER BY rank DESC, share, account_id), 0, 0,
    previous
FROM days, (SELECT * FROM read WHERE is_scored AND rank < %(not_rated)s
    ORDER BY rank DESC, share, account_id LIMIT %(limit)s) lowest
"""
_STATEMENT: Final = _BELOW.format(
    rank=letters.shown_rank("d", "b"), percents=letters.percents("d") + letters.percents("b")
)
_ROWS: Final = """
SELECT d.*, d.is_scored::int AS accounts, (d.managed_d > 0)::int AS accounts_evaluated,
    1 AS accounts_total, (d.overdue_critical > 0)::int AS accounts_overdue_critical,
    (d.overdue_high > 0)::int AS accounts_overdue_high, o.label AS ou_label,
    COALESCE(t.name, '') AS team, a.account_id AS number, a.name, a.environment, a.state
FROM posture_accountday d
JOIN inventory_account a ON a.id = d.account_id
JOIN inventory_organizationalunit o ON o.id = d.ou_id
LEFT JOIN inventory_team t ON t.id = d.team_key
WHERE d.account_id = ANY(%(accounts)s) AND d.area = '' AND d.day = ANY(%(days)s)
"""


@dataclass(frozen=True, slots=True)
class Below:
    """`letters` are how many scored accounts have which, by the path of their OU.

    `needing_help` are those whose failures cost the OU most; `lowest` those with the lowest letters
    (of one letter, the lowest score first), without those that are not rated.
    """

    letters: Mapping[str, Counter[str]]
    people: People
    needing_help: tuple[AccountRow, ...]
    lowest: tuple[AccountRow, ...]


def below(
    user: AnyUser, ou: OrganizationalUnit, *, day: date, is_frozen: bool, limit: int = SHOWN
) -> Below:
    """As of a day with a rollup. Two queries, and one for who sees no more than a part."""
    found = _read(ou, day=day, limit=limit)
    by_kind: dict[str, list[tuple[Any, ...]]] = {}
    for kind, *row in found:
        by_kind.setdefault(kind, []).append(tuple(row))
    picked = {
        kind: [row[1] for row in sorted(by_kind.get(kind, ()), key=lambda row: row[2])]
        for kind in ("help", "lowest")
    }
    previous = next((row[-1] for kind, *row in found if kind in picked), None)
    keys = {*picked["help"], *picked["lowest"]}
    rows = _rows(user, ou, keys, (day, previous), is_frozen=is_frozen) if keys else {}
    return Below(
        letters=_letters(by_kind.get("letter", ())),
        people=people(
            Owner(key, name, *counts) for name, key, *counts, _ in by_kind.get("team", ())
        ),
        needing_help=tuple(rows[key] for key in picked["help"]),
        lowest=tuple(rows[key] for key in picked["lowest"]),
    )


def letters_below(ou: OrganizationalUnit, *, day: date) -> Counter[str]:
    """How many scored accounts below an OU have which letter on a day with a rollup. One query."""
    rows = _read(ou, day=day, limit=0)
    return sum(_letters(row for kind, *row in rows if kind == "letter").values(), Counter())


def in_order(counted: Mapping[str, int]) -> tuple[tuple[str, int], ...]:
    """Every letter, best first."""
    return tuple((str(letter), counted.get(str(letter), 0)) for letter in Letter)


def _read(ou: OrganizationalUnit, *, day: date, limit: int) -> list[tuple[Any, ...]]:
    """(kind, text, number, counts …) of letters, teams, and the accounts to show."""
    values: dict[str, Any] = {
        "organization": ou.organization_id,
        "path": ou.path,
        "day": day,
        "limit": limit,
        "not_rated": letters.NOT_RATED,
    }
    with connection.cursor() as cursor:
        cursor.execute(_STATEMENT, values)
        return list(cursor.fetchall())


def _letters(rows: Iterable[Sequence[Any]]) -> dict[str, Counter[str]]:
    found: dict[str, Counter[str]] = {}
    for path, rank, number, *_ in rows:
        found.setdefault(path, Counter())[str(letters.LETTERS[rank])] += number
    return found


def _rows(
    user: AnyUser,
    ou: OrganizationalUnit,
    keys: Collection[int],
    days: tuple[date, date | None],
    *,
    is_frozen: bool,
) -> dict[int, AccountRow]:
    """By the key of the account; what it was called and its environment then is not kept."""
    day, _ = days
    values: dict[str, Any] = {"accounts": list(keys), "days": [one for one in days if one]}
    with connection.cursor() as cursor:
        cursor.execute(_ROWS, values)
        names = [column.name for column in cursor.description]
        found = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    before = {row["account_id"]: figures.of_totals(row) for row in found if row["day"] != day}
    seen = _seen(user, keys)
    return {
        row["account_id"]: _row(
            row,
            before.get(row["account_id"]),
            root=ou.organization.label,
            # Which state an account had on a day that is over is not kept; that it counted is.
            state=AccountState.ACTIVE if is_frozen else AccountState(row["state"]),
            is_visible=row["account_id"] in seen,
        )
        for row in found
        if row["day"] == day
    }


def _seen(user: AnyUser, keys: Collection[int]) -> Collection[int]:
    """Those that the person may open: one may have been moved elsewhere since."""
    if access.scope_of(user).everything:
        return keys
    return set(Account.objects.visible_to(user).filter(pk__in=keys).values_list("pk", flat=True))


def _row(
    row: Mapping[str, Any],
    before: figures.Figures | None,
    *,
    root: str,
    state: AccountState,
    is_visible: bool,
) -> AccountRow:
    found = figures.of_totals(row)
    return AccountRow(
        account_id=row["number"],
        name=row["name"],
        ou_label=row["ou_label"] or root,
        environment=row["environment"],
        team=row["team"],
        team_key=row["team_key"],
        state=state,
        state_label=str(state.label),
        is_scored=row["is_scored"],
        standing=figures.standing(found, previous=before),
        lost=found.sums.lost_weight,
        is_visible=is_visible,
    )
