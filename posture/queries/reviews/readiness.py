"""What stands in the way of publishing a review."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from posture import kpis

if TYPE_CHECKING:
    from posture.queries.reviews.page import ReviewPage

_NO_HEADLINE: Final = "The headline is empty: write one sentence, or take the proposed one."
_NO_OWNER: Final = "has no owner: name one in the KPI file (POSTURE_KPI_FILE)."
_NO_ACTION: Final = (
    "is off target and no action is open for it: add one, with an owner and a due date."
)


@dataclass(frozen=True, slots=True)
class Block:
    """One reason, naming the item and the remedy; `kpi` is "" where it is about the whole."""

    reason: str
    kpi: str = ""


def blocks(page: "ReviewPage") -> tuple[Block, ...]:
    """Why the review cannot be published yet, in the order of the page; none: it can be. No query."""
    # Of today: an owner who was named after the week was frozen counts, too.
    return reasons(page, owners={kpi.id: kpi.owner for kpi in kpis.registry().values()})


def reasons(page: "ReviewPage", *, owners: Mapping[str, str]) -> tuple[Block, ...]:
    """The same, by the owners of the KPIs as they are now."""
    if page.is_published:
        return ()
    found = [] if page.headline.strip() else [Block(_NO_HEADLINE)]
    answered = {line.kpi for line in (*page.actions_new, *page.actions_carried) if line.is_open}
    for entry in page.snapshot.headline_kpis:
        name = f"{entry.kpi} {entry.name}"
        if not (entry.owner or owners.get(entry.kpi)):
            found.append(Block(f"{name} {_NO_OWNER}", entry.kpi))
        if entry.is_off_target and entry.kpi not in answered:
            found.append(Block(f"{name} {_NO_ACTION}", entry.kpi))
    return tuple(found)
