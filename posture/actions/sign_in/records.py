"""What happens at the door, written down."""

import logging
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User

logger = logging.getLogger(__name__)


def note(
    event: str, subject: User | str, *, by: User | None = None, now: datetime, **details: Any
) -> None:
    """Record an event about a user, or about a name that may be nobody's."""
    name = subject if isinstance(subject, str) else subject.get_username()
    logger.info("%s %s", event, name)
