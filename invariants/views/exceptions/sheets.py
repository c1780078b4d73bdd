"""The mark of one opened form, by which what is sent twice is one request."""

import uuid
from datetime import datetime
from typing import Final

from django.core import signing

from invariants.actions.exceptions import Sheet

_SALT: Final = "invariants.views.exceptions.asking"
# A form that has been open for longer is taken for one that was opened now.
_LONGEST_OPEN_S: Final = 30 * 86_400


def write(now: datetime) -> str:
    return signing.dumps([str(uuid.uuid4()), now.isoformat()], salt=_SALT)


def read(text: str, *, now: datetime) -> Sheet:
    """A sheet that this site did not write, or long ago, is a new one."""
    try:
        key, opened_at = signing.loads(text, salt=_SALT, max_age=_LONGEST_OPEN_S)
        return Sheet(str(key), min(datetime.fromisoformat(opened_at), now))
    except (signing.BadSignature, ValueError, TypeError):
        return Sheet(str(uuid.uuid4()), now)
