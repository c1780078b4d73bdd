"""What the signals of a control chart are, in words."""

from collections.abc import Sequence
from decimal import Decimal

from posture.kpis.statistics import Xmr

# As the rules of the control chart have it.
RUN = 8

Week = tuple[str, Decimal | None]


def explain(weeks: Sequence[Week], xmr: Xmr | None) -> tuple[str, ...]:
    """A sentence for each stretch of weeks that is no noise, oldest first.

    Weeks in a row are told once, as a whole.
    """
    if xmr is None:
        return ()
    beyond: dict[str, list[int]] = {"above the upper": [], "below the lower": []}
    kept: list[int] = []
    for index in xmr.signals:
        value = weeks[index][1]
        if value is None:
            continue
        if xmr.low <= value <= xmr.high:
            kept.append(index)
        else:
            beyond["below the lower" if value < xmr.low else "above the upper"].append(index)
    told = [
        (stretch[0], f"{_span(weeks, stretch)}: {side} limit, rarer than chance explains.")
        for side, indexes in beyond.items()
        for stretch in _stretches(indexes)
    ]
    leaning = [(stretch[0], _leaning(weeks, xmr, stretch)) for stretch in _stretches(kept)]
    return tuple(text for _, text in sorted([*told, *leaning]))


def _stretches(indexes: Sequence[int]) -> list[list[int]]:
    found: list[list[int]] = []
    for index in indexes:
        if found and index == found[-1][-1] + 1:
            found[-1].append(index)
        else:
            found.append([index])
    return found


def _leaning(weeks: Sequence[Week], xmr: Xmr, stretch: Sequence[int]) -> str:
    span = _span(weeks, stretch)
    value = weeks[stretch[-1]][1]
    side = "above" if value is not None and value > xmr.mean else "below"
    if len(stretch) >= RUN:
        return f"{span}: {len(stretch)} weeks in a row {side} the mean, so the level has moved."
    return f"{span}: weeks close together {side} the mean, so the level may have moved."


def _span(weeks: Sequence[Week], stretch: Sequence[int]) -> str:
    first, last = weeks[stretch[0]][0], weeks[stretch[-1]][0]
    return first if first == last else f"{first} to {last}"
