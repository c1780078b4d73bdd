"""Writing entries."""

import ipaddress
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser

from posture import logs
from posture.models import AuditEntry

Who = AbstractBaseUser | AnonymousUser | str | None


def record(
    event: str,
    *,
    actor: Who,
    subject: str = "",
    details: Mapping[str, Any],
    now: datetime,
) -> None:
    """Write down that something happened, in the caller's transaction.

    Where from (address, request, task) is known already. Watched tables (posture.policies.audit) write
    an entry for every change by themselves: record what is not a change of theirs.

    :param event: a word such as `sign_in_failed`: lower case, with underscores.
    :param actor: a user (with a token or without), the name of a task or command; None is whoever the
        request, task or command is known to be.
    :param details: JSON; no secrets, and nothing that somebody typed into a sign-in form.
    """
    origin = logs.current().with_actor()
    who = origin.actor or logs.actor_of(None)
    if actor is not None:
        named = logs.actor_of(actor)
        # Of the same user the request knows more: the token.
        who = who if named.id and (named.id, named.name) == (who.id, who.name) else named
    AuditEntry.objects.create(
        at=now,
        event=event,
        who_kind=who.kind,
        who_id=who.id,
        who_name=who.name,
        token=who.token,
        address=_address(origin.address),
        request_id=origin.request_id,
        task_id=origin.task_id,
        task=origin.task,
        subject=subject[:300],
        details=dict(details),
    )


def _address(text: str) -> str | None:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return None
