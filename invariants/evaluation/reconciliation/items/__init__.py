"""What differs between what was approved and what is deployed. Pure."""

from invariants.evaluation.reconciliation.items.approved import of_exceptions
from invariants.evaluation.reconciliation.items.deployed import Tally, of_deployed
from invariants.evaluation.reconciliation.items.item import Item, due_of

__all__ = ["Item", "Tally", "due_of", "of_deployed", "of_exceptions"]
