"""Groups are kept in step with the table of roles."""

from typing import Any

from django.contrib.auth.models import Group, Permission

from posture.policies import roles


def write_roles(**_: Any) -> None:
    """Make one group a role, with exactly its rights; runs after each migration.

    Groups of other names are left alone. A right whose permission is not there yet (its app has not
    been migrated) is given by the next run.
    """
    found = {
        f"{permission.content_type.app_label}.{permission.codename}": permission
        for permission in Permission.objects.select_related("content_type").filter(
            codename__in=[right.code.partition(".")[2] for right in roles.RIGHTS]
        )
    }
    for role in roles.ROLES:
        group, _is_new = Group.objects.get_or_create(name=role.name)
        group.permissions.set([found[code] for code in role.rights if code in found])
