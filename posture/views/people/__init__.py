"""Pages about people: who may do what, and how that is changed."""

from posture.views.people.changes import person_ous, person_roles, person_state, person_teams
from posture.views.people.groups import group_remove, groups
from posture.views.people.pages import person_detail, person_list
from posture.views.people.rights import forbidden, rights
from posture.views.people.service import service_accounts
from posture.views.people.tokens import person_tokens, token_list, token_revoke

__all__ = [
    "forbidden",
    "group_remove",
    "groups",
    "person_detail",
    "person_list",
    "person_ous",
    "person_roles",
    "person_state",
    "person_teams",
    "person_tokens",
    "rights",
    "service_accounts",
    "token_list",
    "token_revoke",
]
