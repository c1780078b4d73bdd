"""The commands of the demo, and where they refuse."""

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

from inventory.access import scope_of
from inventory.models import Collection
from posture import tasks
from posture.models import RollupState
from posture.policies.roles import ROLE_NAMES
from tests import factories
from tests.findings.records import NOW

PASSWORD = "a-password-of-the-tests"
pytestmark = pytest.mark.django_db


@pytest.fixture
def demo(settings):
    settings.POSTURE_DEMO = True
    settings.AWS_ENDPOINT_URL = "http://127.0.0.1:9"
    settings.POSTURE_DEMO_PASSWORD = PASSWORD


@pytest.mark.usefixtures("demo")
def test_there_is_a_demo_user_for_each_role_and_seeding_again_changes_nothing():
    call_command("seed_demo", verbosity=0)
    call_command("seed_demo", verbosity=0)
    roles = User.objects.order_by("username").values_list("username", "groups__name")
    assert dict(roles) == {
        "admin": "Administrator",
        "aisha": "Auditor",
        "dan": "Team member",
        "edward": "Executive",
        "gareth": "System owner",
        "helene": "System owner",
        "lena": "Team member",
        "marta": "Security lead",
        "nadia": "Team member",
        "owen": "Team member",
        "priya": "Security engineer",
        "rosa": "Platform engineer",
        "yusuf": "CISO",
    }
    assert set(dict(roles).values()) == set(ROLE_NAMES)
    priya = User.objects.get(username="priya")
    assert priya.email == "priya.raman@halden.example"
    assert priya.check_password(PASSWORD)
    assert priya.has_perm("inventory.collect_now")


@pytest.mark.usefixtures("demo")
def test_the_demo_s_team_member_sees_the_accounts_of_the_team_and_no_ou():
    call_command("seed_demo", verbosity=0)
    scope = scope_of(User.objects.get(username="dan"))
    assert not scope.everything
    assert (scope.ou_paths, len(scope.team_ids)) == ((), 1)


@pytest.mark.parametrize("command", ["seed_demo", "collect_history"])
def test_the_demo_is_refused_beside_a_real_organisation(command, settings):
    settings.POSTURE_DEMO, settings.AWS_ENDPOINT_URL = True, ""
    with pytest.raises(CommandError, match=r"sandbox"):
        call_command(command)
    assert not User.objects.exists()
    assert not Collection.objects.exists()


def test_collecting_without_a_worker_says_how_to_start_one(settings):
    with pytest.raises(CommandError, match="celery -A posture worker"):
        call_command("collect", "--wait", "--timeout", "0")


@pytest.mark.usefixtures("demo")
def test_the_schedule_collects_nothing_while_a_past_is_being_collected():
    factories.organization()
    RollupState.objects.create(name="history", day=NOW.date(), as_of=NOW)
    assert tasks.collect() is None
    assert tasks.roll_up() is None
    assert not Collection.objects.exists()
