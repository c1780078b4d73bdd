"""The organisation's policies and where each is attached, as a plan with dates.

Most are the export of the organisation's own catalogue (`sandbox/data/catalog`), under other names, merged, or in another
order; `tests/invariants/attached.py` writes their files and `tests/invariants/test_attached.py` keeps them from going stale.
The tree has gaps, carve-outs that do not work and changes by hand on purpose: `sandbox/data/planted.yaml` lists them, with
what has to be said of each.
"""

import json
from functools import cache
from pathlib import Path

from sandbox.org.policies.carve_outs import CARVE_OUTS, OVERRIDES, CarveOut, carved
from sandbox.org.policies.others import OTHERS
from sandbox.org.policies.plan import (
    AI,
    BACKUP,
    EC2,
    EVERYWHERE,
    INSPECTOR,
    PIPELINE,
    RCP,
    S3,
    SCP,
    TAG,
    TYPE_SPANS,
    Attachment,
    PolicyPlan,
    Span,
    types_at,
)
from sandbox.org.policies.scps import SCPS

__all__ = [
    "AI",
    "BACKUP",
    "CARVE_OUTS",
    "EC2",
    "EVERYWHERE",
    "INSPECTOR",
    "PIPELINE",
    "PLANS",
    "RCP",
    "S3",
    "SCP",
    "TAG",
    "TYPE_SPANS",
    "Attachment",
    "CarveOut",
    "PolicyPlan",
    "Span",
    "carve_outs_of",
    "content_of",
    "text_of",
    "types_at",
]

_FOLDER = Path(__file__).parents[2] / "data" / "policies"

PLANS = (*SCPS, *OTHERS, *OVERRIDES)


def text_of(plan: PolicyPlan, moment: int) -> str:
    """Return a policy's content at that moment, as DescribePolicy gives it, with its placeholders."""
    text = content_of(f"{plan.key}.drifted" if moment >= plan.drifts_at else plan.key)
    if plan.is_as_saved:
        return text
    policy = json.loads(text)
    if exempt := tuple(one for one in carve_outs_of(plan) if one.stands_at(moment)):
        policy = carved(policy, exempt)
    compact = json.dumps(policy, separators=(",", ":"), ensure_ascii=False)
    return compact[: len(compact) // 2] if plan.is_cut else compact


def carve_outs_of(plan: PolicyPlan) -> tuple[CarveOut, ...]:
    """Return the exemptions that ever come into a policy."""
    return tuple(one for one in CARVE_OUTS if one.policy == plan.key)


@cache
def content_of(key: str) -> str:
    """Return a content file, with its placeholders."""
    return (_FOLDER / f"{key}.json").read_text(encoding="utf-8")
