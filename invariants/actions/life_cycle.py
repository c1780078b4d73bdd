"""Moving an invariant through its life."""

from collections.abc import Mapping
from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction

from invariants.models import Invariant, InvariantMove
from invariants.policies import life_cycle
from invariants.policies.life_cycle import NotMovable
from invariants.queries import register

__all__ = ["NotMovable", "move"]


@transaction.atomic
def move(
    user: User,
    invariant: Invariant,
    *,
    after: str,
    why: str,
    waivers: Mapping[str, str],
    now: datetime,
) -> InvariantMove:
    """Take one step, and record it with what its gates found.

    `waivers` are reasons by gate, for gates that do not pass and may be waived; others are ignored.

    :raises NotMovable: naming everything that is missing; nothing has changed then.
    """
    locked = Invariant.objects.select_for_update().get(pk=invariant.pk)
    rights = register.rights_of(user) if register.may_move(user) else frozenset()
    gates = life_cycle.check_move(
        register.facts_of(locked), after, rights=rights, why=why, waivers=waivers
    )
    before = locked.state
    locked.state, locked.state_since = after, now
    locked.save(update_fields=["state", "state_since"])
    return InvariantMove.objects.create(
        invariant=locked,
        version=register.current_version(locked),
        before=before,
        after=after,
        at=now,
        by=user,
        by_name=user.get_full_name() or user.get_username(),
        why=why.strip(),
        gates=gates,
    )
