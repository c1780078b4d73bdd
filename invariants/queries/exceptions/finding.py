"""One request by its reference, for whoever may see it."""

import re
from typing import Final

from invariants.models import ExceptionRequest
from inventory.access import AnyUser

_REF: Final = re.compile(r"EX-([0-9]{4,9})", re.ASCII)
# Wider than the column is.
_MOST: Final = 2**31 - 1


def by_ref(user: AnyUser, ref: str) -> ExceptionRequest:
    """The request with this reference (one query besides the person's scope).

    :raises ExceptionRequest.DoesNotExist: where there is none that this person sees.
    """
    found = _REF.fullmatch(ref)
    number = int(found[1]) if found else 0
    if not 0 < number <= _MOST:
        raise ExceptionRequest.DoesNotExist(f"There is no request {ref}.")
    seen = ExceptionRequest.objects.visible_to(user).filter(number=number)
    related = seen.select_related("organization", "invariant", "control", "renews")
    request = related.order_by("organization_id").first()
    if request is None:
        raise ExceptionRequest.DoesNotExist(f"There is no request {ref}.")
    return request
