"""The child OUs of a scorecard, in an order that a person chose, and as records of a file."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from posture.queries.scorecard.card import Child, Scorecard
from posture.scoring import Letter

CHILD_HEADS: Final = (
    "ou_id",
    "name",
    "role",
    "as_of",
    "accounts",
    "score",
    "grade",
    "change_in_a_week",
    "raw_score",
    "coverage",
    "exception_load",
    "open_critical",
    "open_high",
    *(f"accounts_{str(letter).lower()}" for letter in Letter),
)
# Behind every score and every change there can be: what has none comes last.
_LAST: Final = Decimal(1000)


def _accounts(child: Child) -> int:
    found = child.ou.standing.figures
    return -found.accounts_total if found else 0


def _or_last(value: Decimal | None) -> Decimal:
    return _LAST if value is None else value


_ORDERS: Final[Mapping[str, Callable[[Child], Any]]] = {
    "score": lambda child: _or_last(child.ou.standing.score),
    "delta": lambda child: _or_last(child.ou.standing.delta),
    "coverage": lambda child: _or_last(child.ou.standing.coverage),
    "accounts": _accounts,
}


def in_order(children: Sequence[Child], order: str) -> tuple[Child, ...]:
    """:param order: score, delta, coverage, accounts; anything else leaves them by name."""
    key = _ORDERS.get(order)
    return tuple(children) if key is None else tuple(sorted(children, key=key))


def child_records(card: Scorecard, order: str) -> Iterator[tuple[Any, ...]]:
    """In the order of CHILD_HEADS; "" is no data."""
    for child in in_order(card.children, order):
        standing, found = child.ou.standing, child.ou.standing.figures
        yield (
            child.ou.ou_id,
            child.ou.name,
            child.ou.role,
            standing.as_of or "",
            found.accounts_total if found else "",
            *(
                "" if value is None else value
                for value in (
                    standing.score,
                    standing.letter,
                    standing.delta,
                    standing.raw,
                    standing.coverage,
                    standing.exception_load,
                )
            ),
            found.open_critical if found else "",
            found.open_high if found else "",
            *(number for _, number in child.letters),
        )
