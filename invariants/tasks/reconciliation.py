"""Exceptions beside what is deployed, once a collection, after coverage."""

import logging
from datetime import datetime
from typing import TYPE_CHECKING, Final

from django.db import transaction

from invariants.actions import exceptions as actions
from invariants.actions.exceptions import Sight
from invariants.actions.exceptions.effects import matching
from invariants.models.exceptions import Verb
from inventory.models import Organization

if TYPE_CHECKING:
    from invariants.evaluation.reconciliation import Seen

logger = logging.getLogger(__name__)
# What makes an exception hold, or holds it no longer.
_TURNS: Final = frozenset({Verb.FIND, Verb.LOSE, Verb.SUPERSEDE})


def reconcile(organization: Organization, *, now: datetime) -> None:
    """Take in which exceptions are in place, then write down what differs from what was approved.

    Where one came into force, or is not any more, coverage is worked out once more: it was decided
    without knowing. An exception that fails is logged and stops no other; it is tried by the next
    collection.
    """
    from invariants.evaluation import coverage, reconciliation  # noqa: PLC0415

    picture = reconciliation.read(organization, matching=matching, now=now)
    seen = {one.pk: one for one in reconciliation.look(picture, now=now)}
    verbs = _take_in(organization, seen, now=now)
    if verbs & _TURNS:
        coverage.run(organization, now=now)
    if verbs:
        # As they stand now, and with what coverage says of them now.
        picture = reconciliation.read(organization, matching=matching, now=now)
    with transaction.atomic():
        kept = reconciliation.keep(organization, picture, seen, now=now)
        for pk in kept.zombies:
            actions.linger(pk, now=now)
        for change in kept.changes:
            actions.ask_review(change.exception, change.cause, change.words, now=now)


def _take_in(organization: Organization, seen: "dict[int, Seen]", *, now: datetime) -> set[Verb]:
    """What happened to the exceptions."""
    sights = {pk: Sight(one.is_found, one.looked_at, one.evidence) for pk, one in seen.items()}
    verbs: set[Verb] = set()
    for pk in actions.take_in(organization, sights, now=now):
        try:
            verb = actions.verify(pk, sights[pk], now=now)
        except Exception:
            logger.exception("exception %s could not be brought in step with what is deployed", pk)
            continue
        if verb is not None:
            verbs.add(verb)
    return verbs
