"""People, roles, service accounts and tokens."""

from django.contrib.auth.models import User

from posture.actions import tokens
from posture.policies import roles
from tests import factories
from tests.fixtures.leak_world import NOW
from tests.guards.matrix.row import Row

MANAGE = roles.MANAGE_PEOPLE


def furnish(world):
    somebody = factories.stranger(username="somebody-else")
    world.thing("person", all=somebody.pk, none=1)
    service = User.objects.get(username="bridge")
    world.thing("service account", all=service.pk, none=1)
    for name in ("engineer", "team member"):
        person = world.people[name]
        token, _ = tokens.create(
            person.user,
            owner=person.user,
            name=f"key of the {name}",
            rights=[roles.READ_FINDINGS],
            days=30,
            now=NOW,
        )
        world.thing("token", **{person.own: token.pk})
    world.thing("token", none=1)


ROWS: tuple[Row, ...] = (
    Row("posture:people", right=MANAGE, query=("", "?q=bridge"), targets=("results",)),
    Row("posture:rights", targets=()),
    Row("posture:service_accounts", right=MANAGE, targets=()),
    Row("posture:service_accounts", right=MANAGE, sent={}, allowed=422),
    Row("posture:person", of="person", right=MANAGE, targets=()),
    Row("posture:person_roles", of="person", right=MANAGE, sent={"roles": "Auditor"}, allowed=302),
    Row("posture:person_teams", of="person", right=MANAGE, sent={"join": "pilotage"}, allowed=302),
    Row("posture:person_ous", of="person", right=MANAGE, sent={"grant": "r-ab12"}, allowed=302),
    Row("posture:person_state", of="person", right=MANAGE, sent={"state": "off"}, allowed=302),
    Row("posture:person_tokens", of="service account", right=MANAGE, sent={}, allowed=422),
    Row("posture:tokens", query=("", "?of=all"), targets=()),
    Row("posture:tokens", sent={}, allowed=422),
    Row("posture:token_revoke", of="token", over=MANAGE, sent={}, allowed=302),
)
