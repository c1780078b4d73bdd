"""Whether it works at all."""

import redis
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

_BROKER_TIMEOUT_SECONDS = 2


@require_GET
@login_not_required
@never_cache
def healthz(request: HttpRequest) -> JsonResponse:
    """Whether the database and the broker answer; strangers learn no more than yes or no."""
    is_well = _database_answers() and _broker_answers()
    return JsonResponse({"ok": is_well}, status=200 if is_well else 503)


def _database_answers() -> bool:
    try:
        connection.ensure_connection()
    except DatabaseError:
        return False
    return connection.is_usable()


def _broker_answers() -> bool:
    broker = redis.Redis.from_url(
        settings.REDIS_URL,
        socket_connect_timeout=_BROKER_TIMEOUT_SECONDS,
        socket_timeout=_BROKER_TIMEOUT_SECONDS,
    )
    try:
        return bool(broker.ping())
    except (redis.RedisError, OSError):
        return False
    finally:
        broker.close()
