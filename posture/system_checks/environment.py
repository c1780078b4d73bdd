"""Variables and files that are missing or wrong."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core import checks

from findings import clocks
from posture import env, kpis


@checks.register(checks.Tags.security)
def environment(**_: Any) -> list[checks.CheckMessage]:
    """E001: a variable is missing or wrong."""
    return [
        checks.Error(f"{p.name} {p.message}.", hint=p.remedy, id="posture.E001")
        for p in env.problems
    ]


@checks.register(checks.Tags.security)
def hub_role(**_: Any) -> list[checks.CheckMessage]:
    """W001: nothing can be collected without a role to assume. E003: anybody could have it assumed."""
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
def catalogue_folders(**_: Any) -> list[checks.CheckMessage]:
    """W002: an organisation's own invariants are not read; those that were loaded before hold on."""
    return [
        checks.Warning(
            f"POSTURE_CATALOG_FOLDERS names {folder}, which holds no *.yaml file.",
            hint="Name folders that the processes of Parapet can read: `manage.py load_catalog --check`.",
            id="posture.W002",
        )
        for folder in settings.POSTURE_CATALOG_FOLDERS
        if not any(Path(folder).glob("*.yaml"))
    ]


@checks.register(checks.Tags.security)
def agreed_kpis(**_: Any) -> list[checks.CheckMessage]:
    """E005: a mistake in the agreed targets would show the wrong status."""
    try:
        kpis.registry()
    except kpis.BadKpis as e:
        hint = "docs/operating.md shows the form of the file; or unset POSTURE_KPI_FILE."
        return [checks.Error(str(e), hint=hint, id="posture.E005")]
    return []
