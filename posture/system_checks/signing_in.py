"""Ways in, and who is believed to be where."""

from typing import Any

from django.conf import settings
from django.core import checks

from posture.policies import sign_in


@checks.register(checks.Tags.security)
def second_factor(**_: Any) -> list[checks.CheckMessage]:
    """E010: people sign in with a password alone."""
    if settings.POSTURE_LOCAL_SECOND_FACTOR or sign_in.is_demo_on():
        return []
    return [
        checks.Error(
            "POSTURE_LOCAL_SECOND_FACTOR is off, which only the demo may do; it is asked for anyway.",
            hint="Unset POSTURE_LOCAL_SECOND_FACTOR.",
            id="posture.E010",
        )
    ]


@checks.register(checks.Tags.security)
def way_in(**_: Any) -> list[checks.CheckMessage]:
    """E011: nobody but the break-glass account could sign in."""
    providers: dict[str, dict[str, Any]] = getattr(settings, "SOCIALACCOUNT_PROVIDERS", {})
    if settings.POSTURE_LOCAL_SIGN_IN or any(one.get("APPS") for one in providers.values()):
        return []
    return [
        checks.Error(
            "POSTURE_LOCAL_SIGN_IN is off, and no identity provider is configured.",
            hint="Configure one (docs/operating.md), or unset POSTURE_LOCAL_SIGN_IN.",
            id="posture.E011",
        )
    ]


@checks.register(checks.Tags.security)
def trusted_proxies(**_: Any) -> list[checks.CheckMessage]:
    """E012: anybody could claim to be anywhere. W010: everybody would have the proxy's address."""
    networks = settings.POSTURE_TRUSTED_PROXIES
    if any(network.prefixlen == 0 for network in networks):
        return [
            checks.Error(
                "POSTURE_TRUSTED_PROXIES trusts every address: anybody can claim to be anywhere.",
                hint="Name the addresses of your proxies only.",
                id="posture.E012",
            )
        ]
    if settings.IS_HTTPS and not networks:
        return [
            checks.Warning(
                "POSTURE_BASE_URL is https, so a proxy is in front, but POSTURE_TRUSTED_PROXIES names "
                "none: lock-outs, rate limits and records see the proxy's address for everybody.",
                hint="Name the addresses from which the proxy connects, such as 10.0.0.0/8.",
                id="posture.W010",
            )
        ]
    return []
