from invariants.models.catalogue import (
    CatalogLoad,
    Invariant,
    InvariantMove,
    InvariantVersion,
)
from invariants.models.coverage import (
    Coverage,
    CoverageDay,
    CoverageProof,
    CoverageRun,
    OuCoverage,
    PolicyDay,
    Rollout,
)
from invariants.models.denials import (
    Denial,
    DenialDay,
    DenialServes,
    DeniedBy,
    OrgChangeEvent,
    TakenEvent,
    TrailFeed,
)
from invariants.models.drift import Drift, DriftRun, EffectivePolicyReading
from invariants.models.violations import (
    InvariantControl,
    PreventionCount,
    Recurrence,
    Violation,
)
from invariants.models.what_if import WhatIf

__all__ = [
    "CatalogLoad",
    "Coverage",
    "CoverageDay",
    "CoverageProof",
    "CoverageRun",
    "Denial",
    "DenialDay",
    "DenialServes",
    "DeniedBy",
    "Drift",
    "DriftRun",
    "EffectivePolicyReading",
    "Invariant",
    "InvariantControl",
    "InvariantMove",
    "InvariantVersion",
    "OrgChangeEvent",
    "OuCoverage",
    "PolicyDay",
    "PreventionCount",
    "Recurrence",
    "Rollout",
    "TakenEvent",
    "TrailFeed",
    "Violation",
    "WhatIf",
]
