"""Letters of accounts by the database, for lists that are ordered or counted by them.

The same cuts and caps as posture.scoring.grade; a test holds both to the same letters.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from django.db.models import Case, DecimalField, F, IntegerField, Q, Value, When
from django.db.models.functions import Coalesce, Greatest, NullIf, Round
from django.db.models.lookups import GreaterThan, GreaterThanOrEqual, LessThan

from posture.scoring import CUTS, EXCEPTION_CAPS, FULL_COVERAGE, RATED_COVERAGE, Letter

# Best first; the worst is "not rated".
LETTERS: Final = tuple(Letter)
NOT_RATED: Final = LETTERS.index(Letter.NR)
_RANK: Final[Mapping[Letter, int]] = {letter: rank for rank, letter in enumerate(LETTERS)}
_PLACES: Final = 7  # before a tie is rounded half up, as in posture.scoring
_AMOUNT: Final[Any] = DecimalField(max_digits=30, decimal_places=12)


def shown_rank(newest: str, previous: str) -> Greatest:
    """Place in LETTERS of the letter as shown: an upgrade waits until it has lasted for two days.

    :param newest: the relation to the AccountDay of the day; :param previous: to that of the day
        rolled up before, which may be missing.
    """
    earlier = Case(
        When(**{f"{previous}__isnull": True}, then=Value(0)),
        default=_rank(previous),
        output_field=IntegerField(),
    )
    return Greatest(_rank(newest), earlier)


def _rank(relation: str) -> Case:
    score = _percent(relation, "managed")
    coverage = Coalesce(_percent(relation, "coverage"), Value(0), output_field=_AMOUNT)
    load = Coalesce(_percent(relation, "exception"), Value(0), output_field=_AMOUNT)
    letter = Greatest(
        _first([(GreaterThanOrEqual(score, cut), letter) for cut, letter in CUTS], Letter.F),
        _first([(Q(**{f"{relation}__overdue_critical__gt": 0}), Letter.C)], Letter.A),
        _first([(Q(**{f"{relation}__overdue_high__gt": 0}), Letter.B)], Letter.A),
        _first([(GreaterThan(load, limit), cap) for limit, cap in EXCEPTION_CAPS], Letter.A),
        _first([(LessThan(coverage, FULL_COVERAGE), Letter.B)], Letter.A),
    )
    return Case(
        When(**{f"{relation}__managed_d": 0}, then=Value(NOT_RATED)),
        When(LessThan(coverage, RATED_COVERAGE), then=Value(NOT_RATED)),
        default=letter,
        output_field=IntegerField(),
    )


def _percent(relation: str, name: str) -> Round:
    whole = NullIf(F(f"{relation}__{name}_d"), Value(0), output_field=_AMOUNT)
    exact = Round(F(f"{relation}__{name}_n") * 100 / whole, precision=_PLACES, output_field=_AMOUNT)
    return Round(exact, precision=1, output_field=_AMOUNT)


def _first(rules: Sequence[tuple[Any, Letter]], other: Letter) -> Case:
    """The letter of the first condition that holds."""
    return Case(
        *(When(rule, then=Value(_RANK[letter])) for rule, letter in rules),
        default=Value(_RANK[other]),
        output_field=IntegerField(),
    )
