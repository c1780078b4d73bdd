"""Tasks of the invariants; each starts one piece of work and returns what was done."""

from invariants.tasks.catalogue import load_catalog, load_catalogues
from invariants.tasks.denials import retain_denials, tie_new
from invariants.tasks.drift import collect_effective_policies, compare_drift, find_who_changed
from invariants.tasks.evaluation import evaluate, evaluate_invariants
from invariants.tasks.what_if import answer_what_if

__all__ = [
    "answer_what_if",
    "collect_effective_policies",
    "compare_drift",
    "evaluate",
    "evaluate_invariants",
    "find_who_changed",
    "load_catalog",
    "load_catalogues",
    "retain_denials",
    "tie_new",
]
