"""System checks: each names the variable or file that is wrong, and the remedy."""

from typing import Any

from django.conf import settings
from django.core import checks

from findings import clocks
from posture import env, kpis
from posture.policies import sign_in


@checks.register(checks.Tags.security)
def environment(**_: Any) -> list[checks.CheckMessage]:
    """E001: a variable is missing or wrong."""
    return [
        checks.Error(f"{p.name} {p.message}.", hint=p.remedy, id="posture.E001")
        for p in env.problems
    ]


@checks.register(checks.Tags.security)
def demo(**_: Any) -> list[checks.CheckMessage]:
    """E002: demo users have a printed password; they must not meet a real organisation."""
    if settings.POSTURE_DEMO and not settings.AWS_ENDPOINT_URL:
        return [
            checks.Error(
                "POSTURE_DEMO is on, but AWS_ENDPOINT_URL is not set: demo users with real AWS.",
                hint="Unset POSTURE_DEMO, or set AWS_ENDPOINT_URL to the sandbox.",
                id="posture.E002",
            )
        ]
    return []


@checks.register(checks.Tags.security)
def hub_role(**_: Any) -> list[checks.CheckMessage]:
    """W001: nothing can be collected without a role to assume."""
    problems: list[checks.CheckMessage] = []
    if not settings.POSTURE_HUB_ROLE_ARN:
        problems.append(
            checks.Warning(
                "POSTURE_HUB_ROLE_ARN is not set, so the collector uses its own credentials as they are.",
                hint="Set it to the ARN of the hub role: docs/operating.md.",
                id="posture.W001",
            )
        )
    elif not settings.POSTURE_EXTERNAL_ID:
        problems.append(
            checks.Error(
                "POSTURE_EXTERNAL_ID is not set, but POSTURE_HUB_ROLE_ARN is.",
                hint="Set the external id that the trust policy of the role asks for.",
                id="posture.E003",
            )
        )
    return problems


@checks.register(checks.Tags.security)
def due_dates(**_: Any) -> list[checks.CheckMessage]:
    """E004: without rules for due dates no finding can be taken in."""
    try:
        clocks.load(settings.POSTURE_CLOCKS_FILE)
    except clocks.BadClocks as e:
        hint = "Start from findings/data/clocks.yaml, or unset POSTURE_CLOCKS_FILE."
        return [checks.Error(str(e), hint=hint, id="posture.E004")]
    return []


@checks.register(checks.Tags.security)
def agreed_kpis(**_: Any) -> list[checks.CheckMessage]:
    """E005: a mistake in the agreed targets would show the wrong status."""
    try:
        kpis.registry()
    except kpis.BadKpis as e:
        hint = "docs/operating.md shows the form of the file; or unset POSTURE_KPI_FILE."
        return [checks.Error(str(e), hint=hint, id="posture.E005")]
    return []


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
    """E012, W010: lock-outs and records go by the client's address."""
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
