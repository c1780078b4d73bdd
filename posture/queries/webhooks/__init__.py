"""What webhooks are told, and how they are shown."""

from posture.queries.webhooks.pages import (
    DeliveryLine,
    Health,
    WebhookLine,
    WebhookPage,
    owners,
    webhook,
    webhooks,
)
from posture.queries.webhooks.told import FINDINGS_TOLD, message, scope_key

__all__ = [
    "FINDINGS_TOLD",
    "DeliveryLine",
    "Health",
    "WebhookLine",
    "WebhookPage",
    "message",
    "owners",
    "scope_key",
    "webhook",
    "webhooks",
]
