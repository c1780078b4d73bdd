"""The API: the same queries as the pages, for people with a session and for programs with a token."""

from posture.policies import roles
from tests.guards.matrix.row import Row

_FINDINGS = roles.READ_FINDINGS
_REVIEWS = roles.READ_REVIEWS
_LISTED = (
    *("", "?q=zanzi", "?account={foreign_account}", "?control={foreign_control}"),
    *("?team={foreign_team}", "?facets=true", "?limit=1", "?fields=id,title"),
)
# Where somebody sees no OU as a whole there may be nothing to tell.
_IF_ANY = (200, 404)


def _of_an_ou(name: str, of: str = "", query: str = "") -> tuple[Row, ...]:
    """Of the uppermost OU that the person sees, and of one that they may not see as a whole."""
    asked = f"{query}&" if query else "?"
    return (
        Row(name, of=of, query=(query,), allowed=_IF_ANY, targets=()),
        Row(
            name,
            of=of,
            right=roles.SEE_EVERYTHING,
            refused=404,
            query=(f"{asked}ou={{foreign_ou}}",),
            targets=(),
        ),
    )


ROWS: tuple[Row, ...] = (
    Row("api_root", targets=()),
    Row("api_schema", targets=()),
    Row("posture:api_docs", targets=()),
    Row("api_unknown", allowed=404, targets=()),
    Row("api_organizations", targets=()),
    Row("api_ous", targets=()),
    Row("api_ou", of="ou", targets=()),
    Row("api_accounts", query=("", "?q=zanzi", "?limit=1"), targets=()),
    Row(
        "api_accounts",
        right=roles.SEE_EVERYTHING,
        refused=400,
        query=("?ou={foreign_ou}",),
        targets=(),
    ),
    Row("api_account", of="account", targets=()),
    Row("api_scorecards", targets=()),
    Row("api_scorecard", of="ou", query=("", "?as_of=2026-11-15"), targets=()),
    Row("api_findings", right=_FINDINGS, query=_LISTED, targets=()),
    # A filter by an OU that is not theirs is a wrong parameter; as the thing itself it is not there.
    Row(
        "api_findings",
        right=(_FINDINGS, roles.SEE_EVERYTHING),
        refused=(400, 403),
        query=("?ou={foreign_ou}",),
        targets=(),
    ),
    Row("api_finding", of="finding", right=_FINDINGS, targets=()),
    Row("api_controls", right=_FINDINGS, query=("", "?q=zanzi"), targets=()),
    Row("api_control", of="control", right=_FINDINGS, targets=()),
    *_of_an_ou("api_kpis"),
    *_of_an_ou("api_kpi", of="kpi"),
    *_of_an_ou("api_kpi_points", of="kpi"),
    *_of_an_ou("api_kpi_accounts", of="kpi"),
    *_of_an_ou("api_coverage"),
    *_of_an_ou("api_coverage_accounts", query="?service=guardduty"),
    # A review tells of the whole organisation, to whoever may read reviews.
    Row("api_reviews", right=_REVIEWS, tells=("ou", "foreign"), targets=()),
    Row("api_review", of="week", right=_REVIEWS, tells=("ou", "foreign"), targets=()),
    Row("api_runs", targets=()),
    Row("api_run_scopes", query=("", "?state=DENIED"), targets=()),
)
