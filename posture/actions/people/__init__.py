"""What is done to people by those who manage them. Each asks for the right itself."""

from posture.actions.people.accounts import Ended, create_service, deactivate, reactivate
from posture.actions.people.groups import map_group, unmap_group
from posture.actions.people.places import grant_ou, join_team, leave_team, withdraw_ou
from posture.actions.people.refusals import Refused
from posture.actions.people.roles import Changed, change_roles, provide

__all__ = [
    "Changed",
    "Ended",
    "Refused",
    "change_roles",
    "create_service",
    "deactivate",
    "grant_ou",
    "join_team",
    "leave_team",
    "map_group",
    "provide",
    "reactivate",
    "unmap_group",
    "withdraw_ou",
]
