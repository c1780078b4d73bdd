"""What every page gets: the time of the request and the frame around the page."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone
from django.utils.functional import SimpleLazyObject

from posture.queries import shell as queries
from posture.queries import sign_in
from posture.queries.shell import Shell


def shell(request: HttpRequest) -> dict[str, Any]:
    """`now`, and `shell`: the facts that the navigation and the freshness chip show (two queries).

    `break_glass` is who used that account lately (a query, for those who are to know). Both are read
    only when the template asks, so a fragment costs nothing; None and nobody before sign-in.
    """
    # The edge of the web: pages without a view function of ours (sign-in, errors) need a clock too.
    now = timezone.now()  # noqa: TID251
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return {"now": now, "shell": None, "break_glass": ()}

    def read() -> Shell:
        return queries.shell(
            user,
            now=now,
            every_minutes=settings.POSTURE_COLLECT_EVERY_MINUTES,
            name=settings.POSTURE_ORGANIZATION_NAME,
        )

    return {
        "now": now,
        "shell": SimpleLazyObject(read),
        "break_glass": SimpleLazyObject(lambda: sign_in.break_glass(user, now=now)),
    }
