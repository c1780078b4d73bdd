"""Lock-outs: who guesses is kept out for a while, by user name and address."""

import unicodedata
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from allauth.core.internal import ratelimit
from axes.models import AccessAttempt
from django.conf import settings
from django.contrib.auth.models import User
from django.core.cache import cache
from django.db.models import Max
from django.http import HttpRequest

from posture import web

_APP: Final = "allauth.account"
_FAILED: Final = "login_failed"


def normalised(name: str) -> str:
    """A user name as it is compared: names differ by more than case and look."""
    return unicodedata.normalize("NFKC", name).strip().casefold()


def username(request: HttpRequest, credentials: Mapping[str, Any] | None = None) -> str | None:
    """What a failed attempt is counted under; "Priya" and "priya" are one name."""
    name = (credentials or {}).get("username") or request.POST.get("login")
    return normalised(str(name))[:255] if name else None


def rate_key(name: str) -> str:
    """Under which allauth counts the failures of a name over all addresses."""
    return f"sign-in:{normalised(name)}"


def locked_for(request: HttpRequest, name: str | None, *, now: datetime) -> timedelta:
    """How much longer name and address are locked out, if they are. One query."""
    attempts = AccessAttempt.objects.filter(username=name, ip_address=web.client_address(request))
    last = attempts.aggregate(last=Max("attempt_time"))["last"]
    end = last + settings.AXES_COOLOFF_TIME if last else now
    return max(end - now, timedelta())


def unlock(name: str) -> int:
    """Forget the failures of a name, from all addresses; returns how many rows of them there were."""
    count: int
    count, _ = AccessAttempt.objects.filter(username=normalised(name)).delete()
    _forget(rate_key(name))
    return count


def unlock_second_factor(user: User) -> None:
    """Forget the wrong codes of a person; the key is allauth's."""
    _forget(f"mfa-auth-user-{user.pk}")


def _forget(key: str) -> None:
    for rate in ratelimit.get_rates(app=_APP, action=_FAILED):
        if rate.per == "key":
            # Only rates by address need the request.
            cache.delete(
                ratelimit.get_cache_key(None, app=_APP, action=_FAILED, rate=rate, key=key)
            )
