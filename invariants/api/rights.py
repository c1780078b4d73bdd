"""Who may read what names policies and accounts of everybody, as the API asks it."""

from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.views import APIView

from inventory import access


class SeesEverything(IsAuthenticated):
    """Signed in, and sees the whole organisation."""

    message = (
        "Texts of policies, and what names accounts of everybody, are for those who see the whole "
        "organisation: ask for the right “See the whole organisation”."
    )

    def has_permission(self, request: Request, view: APIView) -> bool:
        return super().has_permission(request, view) and access.scope_of(request.user).everything
