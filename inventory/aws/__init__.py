"""The AWS door: clients, assumed roles, shared rate limits, and the SourceError family."""

from inventory.aws.client import Client
from inventory.aws.door import Config, Door
from inventory.aws.errors import (
    Denied,
    Malformed,
    NotConfigured,
    SourceError,
    Throttled,
    Unavailable,
)

__all__ = [
    "Client",
    "Config",
    "Denied",
    "Door",
    "Malformed",
    "NotConfigured",
    "SourceError",
    "Throttled",
    "Unavailable",
]
