"""The one backend behind every session, whichever way it began."""

from typing import Any

from allauth.account.auth_backends import AuthenticationBackend
from django.contrib.auth.models import User

from posture.policies import sign_in as policies


class Backend(AuthenticationBackend):  # type: ignore[misc]
    """Checks passwords, and asks at every request whether the user may still be signed in."""

    def user_can_authenticate(self, user: User) -> bool:
        return policies.refusal(user) is None

    def get_user(self, user_id: Any) -> User | None:
        """The user of a session, None where it has to end now. One query, profile included."""
        user = User.objects.select_related("profile").filter(pk=user_id).first()
        return user if user is not None and self.user_can_authenticate(user) else None

    def _check_password(self, user: User | None, password: str) -> User | None:
        """A password is checked, and takes its time, before anything else is said about the user.

        Who may not sign in learns no more than who mistypes: whether a name exists stays unknown.
        """
        if user is None:
            return None
        self._did_check_password = True
        is_right = user.check_password(password)
        return user if is_right and policies.local_refusal(user) is None else None
