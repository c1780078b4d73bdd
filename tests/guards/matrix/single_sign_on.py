"""Single sign-on, and the groups of the identity provider.

No provider is configured here: its addresses are not there. With one, tests/posture/test_sso_*.py try
what they let in.
"""

from posture.actions import people
from posture.models import SeenGroup
from posture.policies import roles
from tests import factories
from tests.fixtures.leak_world import NOW
from tests.guards.matrix.row import OPEN, Row

MANAGE = roles.MANAGE_PEOPLE
_DOOR = "people come back here from the provider without a session; 404 while none is configured"


def furnish(world):
    admin = factories.person(role="Administrator", username="group-mapper")
    row = people.map_group(admin, group="cloud-engineers", role="Auditor", now=NOW)
    SeenGroup.objects.create(name="canteen", last_seen_at=NOW)
    world.thing("mapping", all=row.pk, none=row.pk + 1000)


def _of_the_provider(name: str, *, posted: bool = False) -> Row:
    sent: dict[str, str] | None = {} if posted else None
    return Row(name, door=OPEN, why=_DOOR, sent=sent, allowed=404, targets=())


ROWS: tuple[Row, ...] = (
    Row("posture:groups", right=MANAGE, query=("", "?group=canteen"), targets=()),
    Row("posture:groups", right=MANAGE, sent={}, allowed=422),
    Row("posture:group_remove", of="mapping", right=MANAGE, sent={}, allowed=302),
    _of_the_provider("oidc_sign_in"),
    _of_the_provider("oidc_callback"),
    _of_the_provider("saml_sign_in"),
    _of_the_provider("saml_acs", posted=True),
    _of_the_provider("saml_finish"),
    _of_the_provider("saml_metadata"),
)
