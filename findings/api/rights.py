"""Who may read findings, as the API asks it."""

from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.views import APIView

from findings import access


class MayReadFindings(IsAuthenticated):
    """Signed in, with the right to read findings."""

    message = str(access.MayNotRead())

    def has_permission(self, request: Request, view: APIView) -> bool:
        return super().has_permission(request, view) and access.may_read(request.user)
