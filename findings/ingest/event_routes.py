"""Events of other kinds in the queue, handed to the floor that knows them.

Floors above are not imported from here: settings.POSTURE_EVENT_TAKERS names, by detail-type, the
function that takes such events in. It must be safe to be given the same event twice, must have stored
what it takes when it returns, and must not raise for what a single event holds.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeAlias

from django.conf import settings
from django.utils.module_loading import import_string

from findings.normalise.routed import RoutedEvent, TakenIn
from inventory.models import Organization

Taker: TypeAlias = Callable[[Organization, Sequence[RoutedEvent], datetime], TakenIn]


def kinds() -> frozenset[str]:
    """The detail-types that somebody takes."""
    return frozenset(settings.POSTURE_EVENT_TAKERS)


def taker_of(kind: str) -> Taker:
    """The function that takes events of this detail-type.

    :raises KeyError: nobody does
    """
    taker: Taker = import_string(settings.POSTURE_EVENT_TAKERS[kind])
    return taker
