"""API tokens: made, used and revoked. What is kept is a hash; the token itself is shown once."""

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta
from hmac import compare_digest
from typing import Any, Final

from django.conf import settings
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db import transaction
from knox import crypto
from knox.models import get_digest_token
from knox.settings import CONSTANTS

from posture.models import ApiToken, Profile, TokenUser
from posture.policies import groups, roles
from posture.policies import sign_in as sign_in_policies
from posture.policies import tokens as policies

logger = logging.getLogger(__name__)

_NAME: Final = 80
# Live ones: a program that loses its tokens must not fill the table.
MOST: Final = 50
# Noted so often at most, so that reading does not write all the time.
_TICK: Final = timedelta(minutes=1)
# Longer than any of ours; nothing of more is even hashed.
_LONGEST: Final = 200


class Refused(ValueError):
    """A token that cannot be; the text is a sentence for people, with the remedy."""


@transaction.atomic
def create(
    by: User, *, owner: User, name: str, rights: Iterable[str], days: int, now: datetime
) -> tuple[ApiToken, str]:
    """Make a token for oneself, or for a service account; returns it with its text, once.

    :param rights: codes of posture.policies.roles, which the owner has now.
    :param days: for which it is good, POSTURE_TOKEN_MAX_DAYS at most.
    :raises PermissionDenied: when it is not for `by`, and not for a service account that they manage.
    :raises Refused: for what a token cannot have; the text says what, and the remedy.
    """
    _permit(by, owner)
    # One after the other, so that the limit holds.
    User.objects.select_for_update(of=("self",)).get(pk=owner.pk)
    chosen = list(dict.fromkeys(rights))
    _check(owner, name=name.strip(), rights=chosen, days=days, now=now)
    digest, text = get_digest_token()
    token = ApiToken.objects.create(
        user=owner,
        digest=digest,
        token_key=text[: CONSTANTS.TOKEN_KEY_LENGTH],
        name=name.strip(),
        rights=chosen,
        created=now,
        expiry=now + timedelta(days=days),
        created_by=by,
    )
    return token, text


def use(text: str, *, address: str, now: datetime) -> tuple[TokenUser, ApiToken] | None:
    """The owner as far as the token goes, and the token; None unless it is good now.

    Two queries, a third for people whom an identity provider signs in, and one more once a minute or
    for another address.
    """
    token = _find(text)
    if token is None or not token.is_live(now=now):
        return None
    owners = TokenUser.objects.select_related("profile", "provider_sign_in")
    owner = owners.get(pk=token.user_id)
    if not policies.may_own(owner) or not groups.is_vouched_for(owner, now=now):
        return None
    owner.token_rights = frozenset(token.rights) - policies.FOR_PEOPLE_ONLY
    _note_use(token, address=address, now=now)
    return owner, token


@transaction.atomic
def revoke(by: User, pk: int, *, now: datetime) -> bool:
    """End a token; False when that was done before.

    :raises ApiToken.DoesNotExist: when there is none that `by` may revoke.
    """
    rows = ApiToken.objects.select_for_update(of=("self",))
    if not by.has_perm(roles.MANAGE_PEOPLE):
        rows = rows.filter(user=by)
    token = rows.get(pk=pk)
    if token.revoked_at is not None:
        return False
    token.revoked_at, token.revoked_by = now, by.get_username()
    token.save(update_fields=["revoked_at", "revoked_by"])
    return True


def revoke_all(owner: User, *, by: str, now: datetime) -> int:
    """End every live token of the user; returns how many."""
    live = ApiToken.objects.filter(user=owner, revoked_at=None, expiry__gt=now)
    return live.update(revoked_at=now, revoked_by=by)


def _permit(by: User, owner: User) -> None:
    if by.pk == owner.pk:
        return
    is_service = sign_in_policies.kind_of(owner) == Profile.Kind.SERVICE
    if not (is_service and by.has_perm(roles.MANAGE_PEOPLE)):
        raise PermissionDenied(f"{by.get_username()} makes no tokens for {owner.get_username()}")


def _check(owner: User, *, name: str, rights: list[str], days: int, now: datetime) -> None:
    most = settings.POSTURE_TOKEN_MAX_DAYS
    if not policies.may_own(owner):
        raise Refused("This account can have no tokens: use a service account.")
    if not name or len(name) > _NAME:
        raise Refused(f"The name should have 1 to {_NAME} characters: say where the token is used.")
    if not rights:
        raise Refused("A token without rights could do nothing: choose one at least.")
    if odd := policies.unknown(rights, owner):
        raise Refused(f"A token of {owner.get_username()} cannot have the right {odd[0][:100]}.")
    if not 1 <= days <= most:
        raise Refused(f"A token expires after 1 to {most} days: choose a number between them.")
    live = ApiToken.objects.filter(user=owner, revoked_at=None, expiry__gt=now)
    if live.count() >= MOST:
        raise Refused(f"There are {MOST} tokens that are good: revoke one that is not used.")


def _find(text: str) -> ApiToken | None:
    if not text or len(text) > _LONGEST:
        return None
    digest = crypto.hash_token(text)
    near = ApiToken.objects.filter(token_key=text[: CONSTANTS.TOKEN_KEY_LENGTH])
    return next((row for row in near if compare_digest(row.digest, digest)), None)


def _note_use(token: ApiToken, *, address: str, now: datetime) -> None:
    changes: dict[str, Any] = {}
    if token.last_used_at is None or token.last_used_at <= now - _TICK:
        changes["last_used_at"] = now
    if token.last_address != address:
        changes["last_address"] = address
        if token.last_address is not None:
            logger.info("token %s is used from a new address", token.pk)
    if changes:
        ApiToken.objects.filter(pk=token.pk).update(**changes)
