"""Findings, their controls, saved views, bulk changes, the quarantine and imported files."""

from posture.policies import roles
from tests.fixtures.leak_world import World
from tests.guards.matrix.row import Form, Row

READ = roles.READ_FINDINGS
_HELD = (roles.READ_FINDINGS, roles.SEE_EVERYTHING)
_TRIAGE = (roles.READ_FINDINGS, roles.TRIAGE)
# Filters and words that name what is somebody else's.
_LIST = (
    *("", "?sort=newest&status=PASSED", "?q=zanzi", "?q=kernelrot", "?account={foreign_account}"),
    *("?team={foreign_team}", "?control={foreign_control}", "?ou={foreign_ou}"),
    *("?environment=zanziland", "?type=AwsZanziVault"),
)
_FACETS = (
    "account",
    "control",
    "team",
    "region",
    "type",
    "product",
    "environment",
    "ou",
    "severity",
)


def furnish(world: World) -> None:
    for name in _FACETS:
        world.thing("facet", all=name)
    world.thing("facet", none="no-such-facet")


def _bulk_of_foreign(world: World) -> Form:
    return {
        "selection": f"finding={world.words['foreign_finding']}",
        "workflow": "NOTIFIED",
        "expected": "1",
    }


ROWS: tuple[Row, ...] = (
    Row("findings:list", right=READ, query=_LIST, targets=("find",)),
    Row(
        "findings:facet",
        of="facet",
        right=READ,
        query=("", "?contains=zanzi"),
        targets=("facet-account",),
    ),
    Row("findings:columns", right=READ, sent={"column": "age"}, allowed=302),
    Row(
        "findings:export_csv",
        right=READ,
        query=("", "?q=zanzi", "?finding={foreign_finding}"),
        targets=(),
    ),
    Row("findings:export_json", right=READ, query=("", "?finding={foreign_finding}"), targets=()),
    Row("findings:views", right=READ, targets=()),
    Row("findings:views", right=READ, sent={"name": "Mine", "query": "severity=LOW"}, allowed=302),
    Row("findings:view", of="view", right=READ, sent={"name": "Taken"}, allowed=302),
    Row("findings:bulk_actions", right=_TRIAGE, targets=()),
    Row("findings:bulk_actions", right=_TRIAGE, sent=_bulk_of_foreign, allowed=(302, 422)),
    Row(
        "findings:new_bulk_action",
        right=_TRIAGE,
        query=("?finding={foreign_finding}", "?all=1"),
        targets=(),
    ),
    Row("findings:bulk_action", of="bulk", right=_TRIAGE, targets=("progress",)),
    Row("findings:undo_bulk_action", of="bulk", right=_TRIAGE, sent={}, allowed=302),
    Row(
        "findings:controls",
        right=READ,
        query=("", "?q=zanzi", "?show=pseudo"),
        targets=("results",),
    ),
    Row("findings:control", of="control", right=READ, targets=()),
    Row("findings:quarantine", right=_HELD, query=("", "?source=SECURITY_HUB")),
    Row("findings:retry_quarantine", right=(*_HELD, roles.COLLECT), sent={}, allowed=302),
    Row("findings:retry_progress", right=_HELD),
    Row("findings:quarantined", of="held finding", right=_HELD, targets=()),
    Row("findings:import_list", right=READ, targets=()),
    Row("findings:import_list", right=(READ, roles.IMPORT), sent={}, allowed=422),
    Row("findings:import_progress", right=READ, targets=("progress",)),
    Row("findings:detail", of="finding", right=READ, targets=("drawer",)),
)
