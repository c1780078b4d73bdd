"""Exceptions beside what is deployed, after coverage in each collection.

`look` says of each exception whether it is in place, which the actions take in; `keep` then writes what
was approved and is not deployed, deployed and not approved, ended and still deployed, and what has to be
looked at again. What decides is pure: `sights` and `items`.
"""

from invariants.evaluation.reconciliation.baselines import Change
from invariants.evaluation.reconciliation.keeping import Kept, keep, note
from invariants.evaluation.reconciliation.reading import read
from invariants.evaluation.reconciliation.records import Picture, Seen
from invariants.evaluation.reconciliation.sights import look

__all__ = ["Change", "Kept", "Picture", "Seen", "keep", "look", "note", "read"]
