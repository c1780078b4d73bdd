"""What happens at the door, written down."""

import hashlib
import hmac
from datetime import datetime
from typing import Any, Final

from django.conf import settings
from django.contrib.auth.models import User

from posture.actions import audit

# By it the same unknown name is known again, while nobody can read what was typed.
_MARK: Final = 12


def note(
    event: str, subject: User | str, *, by: User | None = None, now: datetime, **details: Any
) -> None:
    """Record an event about a user, or about a name that may be nobody's.

    A name that is nobody's may be a password in the wrong field: a mark of it is kept, not the name.
    """
    details.pop("address", None)  # every entry has it
    if isinstance(subject, str):
        name = User.objects.filter(username=subject).values_list("username", flat=True).first()
        if name is None:
            details["typed"] = _mark(subject)
    else:
        name = subject.get_username()
    audit.record(event, actor=by, subject=name or "an unknown name", details=details, now=now)


def _mark(typed: str) -> str:
    key = hashlib.sha256(b"typed names " + settings.SECRET_KEY.encode()).digest()
    return hmac.new(key, typed.strip().encode(), hashlib.sha256).hexdigest()[:_MARK]
