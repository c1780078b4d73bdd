"""Letters of accounts by the database, for lists that are ordered or counted by them.

The same cuts and caps as posture.scoring.grade; a test holds both to the same letters. Written as SQL
once: as expressions they took longer to be put together than everything else on a page.
"""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, Final

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import F, Func, IntegerField
from django.db.models.sql.compiler import SQLCompiler

from posture.scoring import CUTS, EXCEPTION_CAPS, FULL_COVERAGE, RATED_COVERAGE, Letter

# Best first; the worst is "not rated".
LETTERS: Final = tuple(Letter)
NOT_RATED: Final = LETTERS.index(Letter.NR)
_RANK: Final[Mapping[Letter, int]] = {letter: rank for rank, letter in enumerate(LETTERS)}
_PLACES: Final = 7  # before a tie is rounded half up, as in posture.scoring


def shown_rank(newest: str, previous: str) -> Func:
    """Place in LETTERS of the letter as shown: an upgrade waits until it has lasted for two days.

    :param newest: the name of a FilteredRelation to the AccountDay of the day; :param previous: to
        that of the day rolled up before, which may be missing.
    """
    return _ShownRank(F(f"{newest}__pk"), F(f"{previous}__pk"), output_field=IntegerField())


class _ShownRank(Func):
    """Of two rows of AccountDay, named by their keys."""

    def as_sql(  # type: ignore[override]
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **_: Any
    ) -> tuple[str, tuple[()]]:
        # Which name a joined table has is known only now.
        newest, previous = (
            compiler.quote_name_unless_alias(column.alias)
            for column in self.get_source_expressions()
        )
        return _sql(newest, previous), ()


@cache
def _sql(newest: str, previous: str) -> str:
    earlier = f"CASE WHEN {previous}.id IS NULL THEN 0 ELSE {_rank(previous)} END"
    return f"GREATEST({_rank(newest)}, {earlier})"


def _rank(alias: str) -> str:
    score, coverage = _percent(alias, "managed"), f"COALESCE({_percent(alias, 'coverage')}, 0)"
    load = f"COALESCE({_percent(alias, 'exception')}, 0)"
    caps = (
        _first(((f"{score} >= {cut}", letter) for cut, letter in CUTS), Letter.F),
        _first([(f"{alias}.overdue_critical > 0", Letter.C)], Letter.A),
        _first([(f"{alias}.overdue_high > 0", Letter.B)], Letter.A),
        _first(((f"{load} > {limit}", letter) for limit, letter in EXCEPTION_CAPS), Letter.A),
        _first([(f"{coverage} < {FULL_COVERAGE}", Letter.B)], Letter.A),
    )
    return (
        f"CASE WHEN {alias}.managed_d = 0 OR {coverage} < {RATED_COVERAGE} THEN {NOT_RATED}"
        f" ELSE GREATEST({', '.join(caps)}) END"
    )


def _percent(alias: str, name: str) -> str:
    exact = f"round({alias}.{name}_n * 100 / NULLIF({alias}.{name}_d, 0), {_PLACES})"
    return f"round({exact}, 1)"


def _first(rules: Iterable[tuple[str, Letter]], other: Letter) -> str:
    """The letter of the first condition that holds."""
    cases = " ".join(f"WHEN {condition} THEN {_RANK[letter]}" for condition, letter in rules)
    return f"CASE {cases} ELSE {_RANK[other]} END"
