"""Scores, accounts, coverage, KPIs, attestations, reports, collections."""

from posture.policies import roles
from tests.fixtures.leak_world import World
from tests.guards.matrix.row import Form, Row

_PAST = "?as_of=2026-11-15"
# Filters that name what is somebody else's; whoever may not see it gets what there is without them.
_FOREIGN = ("?ou={foreign_ou}", "?team={foreign_team}", "?q=zanzi", "?environment=zanziland")


def _attestation(**about: str) -> Form:
    return {
        "subject": "RUNBOOK",
        "statement": "Tried",
        "owner": "Kim",
        "attested_on": "2026-11-24",
        "expires_on": "2027-02-01",
    } | about


def _of_foreign_account(world: World) -> Form:
    return _attestation(account_id=world.words["foreign_account"])


def _of_foreign_team(world: World) -> Form:
    return _attestation(team=world.words["foreign_team"])


ROWS: tuple[Row, ...] = (
    Row("posture:overview", targets=()),
    Row("posture:scorecards", query=("", _PAST), targets=()),
    Row("posture:teams", query=("", _PAST), targets=()),
    Row("posture:team", of="team", query=("", _PAST), targets=()),
    Row("posture:compare", query=("", "?a={foreign_ou}&b=r-ab12"), targets=()),
    Row("posture:scorecard", of="ou", query=("", _PAST), targets=("main", "children")),
    Row("posture:change", of="ou", query=("", "?part=posture"), targets=("main", "cells")),
    Row("posture:scorecard_children_csv", of="ou", targets=()),
    Row("posture:report_ask", of="ou", sent={"format": "CSV"}, allowed=302),
    Row("posture:reports"),
    Row("posture:report_file", of="report", targets=()),
    Row("posture:accounts", query=("", _PAST, *_FOREIGN, "?sort=name"), targets=("results",)),
    Row("posture:account", of="account", query=("", _PAST), targets=()),
    Row("posture:coverage", query=("", "?service=guardduty"), targets=()),
    # Of an OU that somebody may not see as a whole there is no coverage.
    Row(
        "posture:coverage",
        query=("?ou={foreign_ou}",),
        right=roles.SEE_EVERYTHING,
        refused=404,
        targets=(),
    ),
    Row("posture:kpis", query=("", "?ou={foreign_ou}", "?day=2026-11-22")),
    Row("posture:kpi", of="kpi", query=("", "?ou={foreign_ou}"), targets=("main", "kpi-accounts")),
    Row("posture:kpi_accounts_csv", of="kpi", query=("", "?ou={foreign_ou}"), targets=()),
    Row("posture:attestations", query=("", "?subject=RUNBOOK"), targets=("results",)),
    Row("posture:attestations", right=roles.ATTEST, sent={}, allowed=422),
    Row(
        "posture:attestations",
        right=(roles.ATTEST, roles.SEE_EVERYTHING),
        people=("engineer", "lead"),
        sent=_of_foreign_account,
        allowed=302,
    ),
    Row(
        "posture:attestations",
        people=("team member", "OU reader"),
        sent=_of_foreign_account,
        allowed=422,
    ),
    Row(
        "posture:attestations",
        people=("team member", "OU reader"),
        sent=_of_foreign_team,
        allowed=422,
    ),
    Row("posture:attestation_withdraw", of="attestation", right=roles.ATTEST, sent={}, allowed=302),
    Row("posture:sync", query=("", "?state=DENIED", "?source=SECURITY_HUB")),
    Row("posture:sync_progress"),
    Row("posture:collect", right=roles.COLLECT, sent={}, allowed=302),
    Row("healthz", door="open", why="the load balancer asks it", targets=()),
)
