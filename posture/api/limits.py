"""How often one may ask: with each token, as each person, and from each address without either.

Windows of a minute, counted in Valkey, which all web processes share. Without Valkey nobody is
counted and everybody is answered: whoever watches the posture is not to be locked out by it.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.conf import settings
from django.core.cache import cache
from django.utils import timezone
from redis.exceptions import RedisError
from rest_framework.exceptions import ErrorDetail, Throttled
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from posture import web

logger = logging.getLogger(__name__)
SECONDS: Final = 60


@dataclass(frozen=True, slots=True)
class Count:
    """One window: `used` of `limit` requests, and the seconds until the next one."""

    limit: int
    used: int
    reset: int
    whose: str

    @property
    def left(self) -> int:
        return max(self.limit - self.used, 0)

    @property
    def headers(self) -> dict[str, str]:
        return {
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Remaining": str(self.left),
            "RateLimit-Reset": str(self.reset),
        }


class PerMinute(BaseThrottle):
    """Counts a request for whoever sent it; which count ends first is told by the answer."""

    def allow_request(self, request: Request, view: Any) -> bool:
        """True, for what is over a limit has been refused by then.

        :raises Throttled: it is; with the seconds to wait and the remedy.
        """
        counts = [
            count
            for key, limit, whose in _whose(request)
            if (count := _count(key, limit, whose, now=timezone.now()))
        ]
        if counts:
            shown = min(counts, key=lambda count: count.limit - count.used)
            view.limit_headers = shown.headers
            if shown.used > shown.limit:
                raise _refusal(shown)
        return True


def _whose(request: Request) -> Iterator[tuple[str, int, str]]:
    """(key, requests a minute, in words) of everything that the request counts for."""
    user, token = request.user, request.auth
    if not user.is_authenticated:
        address = web.client_address(request._request)
        limit = settings.POSTURE_API_ANONYMOUS_PER_MINUTE
        yield f"address:{address}", limit, "an address without a valid token or session"
        return
    if token is not None:
        yield f"token:{token.pk}", settings.POSTURE_API_TOKEN_PER_MINUTE, "one token"
    yield f"person:{user.pk}", settings.POSTURE_API_PERSON_PER_MINUTE, "one person"


def _refusal(count: Count) -> Throttled:
    refusal = Throttled(wait=count.reset)
    # DRF would add words of its own to the text that it is given.
    refusal.detail = ErrorDetail(
        f"There are {count.limit} requests a minute for {count.whose}, and they are used up. "
        f"Try again in {count.reset} seconds."
    )
    return refusal


def _count(key: str, limit: int, whose: str, *, now: datetime) -> Count | None:
    window, second = divmod(int(now.timestamp()), SECONDS)
    name = f"api:{key}:{window}"
    try:
        # Each is one step of the server, so that two requests at once are two.
        cache.add(name, 0, timeout=2 * SECONDS)
        used = cache.incr(name)
    except (RedisError, ValueError):
        logger.warning("Requests of the API could not be counted: nobody is limited.")
        return None
    return Count(limit, used, SECONDS - second, whose)
