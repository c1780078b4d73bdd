"""Collection of the inventory: Celery finds tasks by this name."""

from inventory.tasks.account_facts import collect_account_facts
from inventory.tasks.organization import collect_organization, collect_regions
from inventory.tasks.runs import door, finish
from inventory.tasks.service_coverage import collect_service_coverage

__all__ = [
    "collect_account_facts",
    "collect_organization",
    "collect_regions",
    "collect_service_coverage",
    "door",
    "finish",
]
