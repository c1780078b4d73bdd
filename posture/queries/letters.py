"""Letters of accounts by the database, for lists that are ordered or counted by them.

The same cuts and caps as posture.scoring.grade; a test holds both to the same letters.
"""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Final

from posture.scoring import CUTS, EXCEPTION_CAPS, FULL_COVERAGE, RATED_COVERAGE, Letter

# Best first; the worst is "not rated".
LETTERS: Final = tuple(Letter)
NOT_RATED: Final = LETTERS.index(Letter.NR)
_RANK: Final[Mapping[Letter, int]] = {letter: rank for rank, letter in enumerate(LETTERS)}
_PLACES: Final = 7  # before a tie is rounded half up, as in posture.scoring


# What a letter hangs on, worked out once for each row: OFFSET keeps the planner from writing it into
# every place that reads it. Most accounts are wholly covered and have no exception: no division then.
_PERCENTS: Final = """
CROSS JOIN LATERAL (
    SELECT {managed} AS score,
        CASE WHEN {alias}.coverage_n = {alias}.coverage_d AND {alias}.coverage_d > 0 THEN 100
            ELSE COALESCE({coverage}, 0) END AS coverage,
        CASE WHEN {alias}.exception_n = 0 THEN 0 ELSE COALESCE({exception}, 0) END AS load
    OFFSET 0) {alias}_percent
"""


def percents(alias: str) -> str:
    """A join that `rank` needs, behind the row of AccountDay with this alias."""
    names = {name: _percent(alias, name) for name in ("managed", "coverage", "exception")}
    return _PERCENTS.format(alias=alias, **names)


@cache
def shown_rank(newest: str, previous: str) -> str:
    """SQL for the place in LETTERS of the letter as shown: an upgrade waits until it lasts two days.

    Behind `percents` of both. :param newest: the alias of a row of AccountDay; :param previous: that
        of the day rolled up before, which may be missing (a left join).
    """
    earlier = f"CASE WHEN {previous}.id IS NULL THEN 0 ELSE {_rank(previous)} END"
    return f"GREATEST({_rank(newest)}, {earlier})"


def _rank(alias: str) -> str:
    score, coverage, load = (f"{alias}_percent.{name}" for name in ("score", "coverage", "load"))
    caps = (
        _first(((f"{score} >= {cut}", letter) for cut, letter in CUTS), Letter.F),
        _first([(f"{alias}.overdue_critical > 0", Letter.C)], Letter.A),
        _first([(f"{alias}.overdue_high > 0", Letter.B)], Letter.A),
        _first(((f"{load} > {limit}", letter) for limit, letter in EXCEPTION_CAPS), Letter.A),
        _first([(f"{coverage} < {FULL_COVERAGE}", Letter.B)], Letter.A),
    )
    return (
        f"CASE WHEN {score} IS NULL OR {coverage} < {RATED_COVERAGE} THEN {NOT_RATED}"
        f" ELSE GREATEST({', '.join(caps)}) END"
    )


def _percent(alias: str, name: str) -> str:
    exact = f"round({alias}.{name}_n * 100 / NULLIF({alias}.{name}_d, 0), {_PLACES})"
    return f"round({exact}, 1)"


def _first(rules: Iterable[tuple[str, Letter]], other: Letter) -> str:
    """The letter of the first condition that holds."""
    cases = " ".join(f"WHEN {condition} THEN {_RANK[letter]}" for condition, letter in rules)
    return f"CASE {cases} ELSE {_RANK[other]} END"
