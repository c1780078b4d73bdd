"""What would change if a policy were attached here, or detached: the whole catalogue asked twice.

Both times by the evaluation of coverage, before over the organisation as it was collected, after over the
same with one attachment more or less. Nothing is asked of AWS, and nothing is changed there.
"""

from collections import defaultdict
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from invariants import lint
from invariants.catalog import Catalogue, Invariant, type_name
from invariants.evaluation.coverage import evaluating, read
from invariants.evaluation.coverage.evaluating import Evaluation
from invariants.evaluation.coverage.world import PolicyText, World
from invariants.evaluation.what_if import changing, comparing, standing, values, writing
from invariants.evaluation.what_if.changing import Change
from invariants.evaluation.what_if.comparing import Comparison, Kind, Pair
from invariants.models import WhatIf
from invariants.policies import what_if as policies
from invariants.queries.catalogue import catalogue_of

__all__ = ["answer", "work_out"]

_NOT_COLLECTED: Final = (
    "The place is gone: AWS Organizations no longer lists it. Ask again for another."
)
_NO_CATALOGUE: Final = (
    "No invariant is loaded, so there is nothing to ask. Run manage.py load_catalog, or collect."
)
Progress = Callable[[int, int], None]


def answer(what_if_id: str, *, now: datetime) -> str | None:
    """Work one question out and store the answer; its state, None where there is none to answer.

    Safe to run again: the answer is the same as long as the organisation is.
    """
    taken = WhatIf.objects.unfinished().filter(pk=what_if_id)
    if not taken.update(state=WhatIf.State.RUNNING):
        return None
    row = WhatIf.objects.select_related("organization").get(pk=what_if_id)
    world = read.world(row.organization)
    catalogue = catalogue_of(row.organization)
    if row.target_id not in world.nodes:
        return _end(row, now=now, error=_NOT_COLLECTED)
    if not len(catalogue):
        return _end(row, now=now, error=_NO_CATALOGUE)

    def progress(done: int, total: int) -> None:
        WhatIf.objects.filter(pk=row.pk).update(done=done, total=total)

    told = read.freshness(row.organization, now=now)
    row.result = {
        **work_out(world, catalogue, _change(row), now=now, progress=progress),
        # What was not read whole is not known, before or after.
        "doubt": "" if told.is_whole else told.why,
    }
    return _end(row, now=now)


def _end(row: WhatIf, *, now: datetime, error: str = "") -> str:
    row.state = WhatIf.State.FAILED if error else WhatIf.State.DONE
    row.error, row.finished_at = error, now
    row.save(update_fields=["state", "error", "result", "finished_at"])
    return str(row.state)


def _change(row: WhatIf) -> Change:
    policy = PolicyText(
        id=row.policy_ref if row.source == WhatIf.Source.AWS else changing.PROPOSED,
        pk=None,
        name=row.policy_name,
        type=row.policy_type,
        content=row.policy_text,
        is_aws_managed=False,
    )
    return Change(row.act == WhatIf.Act.ATTACH, policy, row.target_id)


def _nothing(done: int, total: int) -> None:
    """Nobody waits."""


def work_out(
    world: World,
    catalogue: Catalogue,
    change: Change,
    *,
    now: datetime,
    progress: Progress = _nothing,
) -> dict[str, Any]:
    """The answer as JSON; docs/what-if.md says what is in it."""
    accounts = changing.accounts_below(world, change.target_id)
    after = changing.altered(world, change)
    progress(0, 2)
    was = evaluating.evaluate(world, catalogue, now=now, accounts=accounts)
    progress(1, 2)
    becomes = evaluating.evaluate(after, catalogue, now=now, accounts=accounts)
    comparison = comparing.compare(_pairs(was, becomes))
    progress(2, 2)
    records = {record.id: record for record in catalogue}
    return _written(world, after, change, comparison, records, now=now)


def _pairs(was: Evaluation, becomes: Evaluation) -> list[Pair]:
    """The accounts that share their decisions both before and after."""
    before = {one: group for group in was.groups for one in group.accounts}
    shared: dict[tuple[int, int], list[str]] = defaultdict(list)
    for place, group in enumerate(becomes.groups):
        for account_id in group.accounts:
            if account_id in before:
                shared[id(before[account_id]), place].append(account_id)
    return [
        Pair(
            tuple(sorted(accounts)),
            before[accounts[0]].decisions,
            becomes.groups[place].decisions,
        )
        for (_, place), accounts in shared.items()
    ]


def _written(
    world: World,
    after: World,
    change: Change,
    comparison: Comparison,
    records: dict[str, Invariant],
    *,
    now: datetime,
) -> dict[str, Any]:
    kind = change.policy.type
    accounts = changing.accounts_below(world, change.target_id)
    group = writing.Groups(after)
    inherited = None
    if not policies.decides(kind):
        inherited = values.compare_values(world, after, kind=kind, accounts=accounts)
    answer = {
        "version": writing.VERSION,
        "at": now.isoformat(),
        "type_name": type_name(kind),
        "decides": policies.decides(kind),
        "accounts": group(accounts),
        "stacks": comparison.stacks,
        "invariants": comparison.invariants,
        "aside": len(records) - comparison.invariants,
        "probes": comparison.asked,
        "unchanged": comparison.unchanged,
        "still_unknown": comparison.still_unknown,
        "sums": {one.value: writing.sums(comparison, one) for one in Kind},
        "changes": writing.probe_entries(comparison, records, after, group),
        "coverage": writing.coverage_entries(comparison, records, group),
        "values": writing.value_entries(inherited, group),
        "refusals": list(standing.refusals(world, after, change)),
        "slots": writing.plain(standing.slots(world, after, change)),
        "size": writing.plain(standing.size(change)),
        "limits_as_of": lint.current_limits().as_of.isoformat(),
        "lint": writing.plain(standing.remarks(after, change)),
        "unreached": writing.unreached_entries(standing.unreached(world, change, accounts), group),
        "exempt": list(standing.exempt(kind)),
    }
    return answer | {"groups": group.written()}
