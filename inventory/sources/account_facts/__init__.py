"""What an account tells of itself by its own read role, and the organisation as a whole.

One module a service, each with its PERMISSIONS; `account` says what is asked in which order.
"""

from inventory.sources.account_facts.account import Way, read_account, read_organization
from inventory.sources.account_facts.answers import Answers

__all__ = ["Answers", "Way", "read_account", "read_organization"]
