"""Connections to other machines, and what goes over them readable."""

from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core import checks

from posture.system_checks.exposure import is_loopback


def _is_elsewhere(host: str) -> bool:
    """Whether the host may be beyond the own machine and the containers beside (their names have no dot)."""
    try:
        ip_address(host)
    except ValueError:
        return "." in host.strip(".") and not is_loopback(host)
    return not is_loopback(host)


@checks.register(checks.Tags.security)
def mail(**_: Any) -> list[checks.CheckMessage]:
    """E052: the mail server's password would be readable on the way. W012: so would the mails."""
    host = settings.EMAIL_HOST
    if not host or is_loopback(host) or settings.EMAIL_USE_TLS or settings.EMAIL_USE_SSL:
        return []
    hint = "Set POSTURE_EMAIL_SECURITY to starttls or tls."
    if settings.EMAIL_HOST_USER:
        return [
            checks.Error(
                f"POSTURE_EMAIL_SECURITY is none, so POSTURE_EMAIL_PASSWORD goes to {host} readable.",
                hint=hint,
                id="posture.E052",
            )
        ]
    return [
        checks.Warning(
            f"POSTURE_EMAIL_SECURITY is none: reviews and password links go to {host} readable.",
            hint=hint,
            id="posture.W012",
        )
    ]


@checks.register(checks.Tags.security)
def database(**_: Any) -> list[checks.CheckMessage]:
    """W013: findings go to the database readable, or to whoever answers in its place."""
    # Django's own description of a database: texts, numbers and a dict of options.
    one: dict[str, Any] = settings.DATABASES["default"]
    mode = one.get("OPTIONS", {}).get("sslmode", "")
    if not _is_elsewhere(one.get("HOST", "")) or mode in {"require", "verify-ca", "verify-full"}:
        return []
    return [
        checks.Warning(
            f"DATABASE_URL leads to {one['HOST']} without sslmode: the connection may be readable.",
            hint="Add ?sslmode=verify-full&sslrootcert=/path/to/ca.pem, or at least ?sslmode=require.",
            id="posture.W013",
        )
    ]


@checks.register(checks.Tags.security)
def broker(**_: Any) -> list[checks.CheckMessage]:
    """W014: who reaches the broker makes tasks of their own."""
    parts = urlsplit(settings.REDIS_URL)
    host = parts.hostname or ""
    if not parts.password and parts.scheme != "unix" and not is_loopback(host):
        why = "names no password: whoever reaches it starts tasks"
    elif parts.scheme == "redis" and _is_elsewhere(host):
        why = "is redis://, not rediss://: its password goes there readable"
    else:
        return []
    return [
        checks.Warning(
            f"REDIS_URL, which leads to {host}, {why}.",
            hint="Use rediss://:PASSWORD@host:6379/0.",
            id="posture.W014",
        )
    ]


@checks.register(checks.Tags.security)
def strict_transport(**_: Any) -> list[checks.CheckMessage]:
    """W015: browsers' lists refuse a host whose header leaves its subdomains out."""
    if not settings.SECURE_HSTS_PRELOAD or settings.SECURE_HSTS_INCLUDE_SUBDOMAINS:
        return []
    return [
        checks.Warning(
            "POSTURE_HSTS_PRELOAD is on, POSTURE_HSTS_SUBDOMAINS off: no browser's list takes that.",
            hint="Set POSTURE_HSTS_PRELOAD=0, or POSTURE_HSTS_SUBDOMAINS=1.",
            id="posture.W015",
        )
    ]
