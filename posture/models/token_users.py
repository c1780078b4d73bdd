from typing import Any

from django.contrib.auth.models import User


class TokenUser(User):
    """The owner of a token as far as the token goes: what asks for a right asks both.

    Scope follows by itself: without the right to see the whole organisation there are the teams and
    OUs of the owner.
    """

    # Set by whoever has checked the token.
    token_rights: frozenset[str] = frozenset()

    class Meta:
        proxy = True
        default_permissions = ()

    def has_perm(self, perm: str, obj: Any = None) -> bool:
        return perm in self.token_rights and super().has_perm(perm, obj)

    def has_module_perms(self, app_label: str) -> bool:
        return any(code.partition(".")[0] == app_label for code in self.get_all_permissions())

    def get_user_permissions(self, obj: Any = None) -> set[str]:
        return super().get_user_permissions(obj) & self.token_rights

    def get_group_permissions(self, obj: Any = None) -> set[str]:
        return super().get_group_permissions(obj) & self.token_rights

    def get_all_permissions(self, obj: Any = None) -> set[str]:
        return super().get_all_permissions(obj) & self.token_rights
