"""Where a request comes from; records of other apps go by the same address."""

from inventory.clients import client_address

__all__ = ["client_address"]
