"""What is done to people: roles, teams, OUs, switching off; and what is refused."""

import threading

import pytest
from allauth.usersessions.models import UserSession
from django.contrib.auth.models import Group, Permission, User
from django.core.exceptions import PermissionDenied
from django.db import connection

from inventory import access
from inventory.models import TeamMembership
from posture.actions import people as actions
from posture.actions import tokens
from posture.actions.people import Refused
from posture.models import ApiToken, Profile, ProvidedRole, ProvidedTeam
from posture.policies import roles
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin():
    return factories.person(role="Administrator", username="admin")


@pytest.fixture
def sam():
    return factories.stranger(username="sam")


def roles_of(user):
    return sorted(user.groups.values_list("name", flat=True))


def fresh(user):
    """The user as the next request reads them: without what was kept of their rights."""
    return User.objects.get(pk=user.pk)


def change(by, user, give=(), take=()):
    return actions.change_roles(by, user.pk, give=give, take=take, now=NOW)


def test_several_roles_are_given_and_taken_at_once(admin, sam):
    done = change(admin, sam, give=["Auditor", "Executive", "Team member"])
    assert done.given == ("Auditor", "Executive", "Team member")
    done = change(admin, sam, give=["Security lead", "Auditor"], take=["Executive", "Team member"])
    assert (done.given, done.taken) == (("Security lead",), ("Executive", "Team member"))
    assert roles_of(sam) == ["Auditor", "Security lead"]
    assert fresh(sam).has_perm(roles.PUBLISH_REVIEWS)
    assert not change(admin, sam, give=["Auditor"], take=["Executive"])


def test_groups_that_are_no_roles_stay_and_cannot_be_given(admin, sam):
    sam.groups.add(Group.objects.create(name="Wine club"))
    change(admin, sam, give=["Auditor"])
    assert roles_of(sam) == ["Auditor", "Wine club"]
    with pytest.raises(
        Refused, match="There is no role 'Wine club': choose among Security engineer"
    ):
        change(admin, sam, take=["Wine club"])


@pytest.mark.parametrize(
    "role", [role.name for role in roles.ROLES if role.name != "Administrator"]
)
def test_who_does_not_manage_people_changes_nobody(admin, sam, role):
    by = factories.person(role=role)
    calls = [
        lambda: change(by, sam, give=["Auditor"]),
        lambda: actions.join_team(by, sam.pk, slug=factories.team().slug, now=NOW),
        lambda: actions.leave_team(by, sam.pk, slug="any", now=NOW),
        lambda: actions.grant_ou(by, sam.pk, ou_id=factories.root().ou_id, now=NOW),
        lambda: actions.withdraw_ou(by, sam.pk, ou_id="any", now=NOW),
        lambda: actions.deactivate(by, sam.pk, now=NOW),
        lambda: actions.reactivate(by, sam.pk, now=NOW),
        lambda: actions.create_service(by, username="x", purpose="y", role_names=(), now=NOW),
    ]
    for call in calls:
        with pytest.raises(PermissionDenied):
            call()
    assert roles_of(sam) == [] and not sam.team_memberships.exists()


def test_nobody_changes_themselves(admin):
    factories.person(role="Administrator", username="second")
    calls = [
        lambda: change(admin, admin, give=["Security lead"]),
        lambda: change(admin, admin, take=["Administrator"]),
        lambda: actions.join_team(admin, admin.pk, slug=factories.team().slug, now=NOW),
        lambda: actions.grant_ou(admin, admin.pk, ou_id=factories.root().ou_id, now=NOW),
        lambda: actions.deactivate(admin, admin.pk, now=NOW),
    ]
    for call in calls:
        with pytest.raises(Refused, match="ask another person who manages people"):
            call()
    assert roles_of(admin) == ["Administrator"] and fresh(admin).is_active


def by_right():
    """Manages people by a right of their own, not by a role, and is about to leave."""
    user = factories.stranger(username="by-right")
    user.user_permissions.add(Permission.objects.get(codename="manage_people"))
    return user


def test_the_last_person_who_manages_people_cannot_lose_it(admin):
    # Neither of these could come in as a person tomorrow.
    for kind in (Profile.Kind.SERVICE, Profile.Kind.BREAK_GLASS):
        other = factories.person(role="Administrator", username=kind)
        Profile.objects.create(user=other, kind=kind)
    Profile.objects.create(
        user=factories.person(role="Administrator", username="demo"), is_demo=True
    )
    leaver = by_right()
    # A role that is about to go out of the hands of the only two, one after the other.
    change(leaver, admin, take=["Administrator"])
    change(leaver, admin, give=["Administrator"])
    User.objects.filter(pk=leaver.pk).update(is_active=False)
    last = "This is the last person who manages people: give that right to somebody else first."
    breaker = fresh(User.objects.get(username="BREAK_GLASS"))
    with pytest.raises(Refused, match=last):
        change(breaker, admin, take=["Administrator"])
    with pytest.raises(Refused, match=last):
        actions.deactivate(breaker, admin.pk, now=NOW)
    assert roles_of(admin) == ["Administrator"] and fresh(admin).is_active


@pytest.mark.django_db(transaction=True)
def test_two_who_take_it_from_each_other_at_once_leave_one():
    pair = [factories.person(role="Administrator", username=name) for name in ("one", "two")]
    start, refused = threading.Barrier(2), []

    def take(by, user):
        start.wait()
        try:
            change(by, user, take=["Administrator"])
        except (Refused, PermissionDenied):
            refused.append(by)
        finally:
            connection.close()

    threads = [threading.Thread(target=take, args=(a, b)) for a, b in (pair, pair[::-1])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 1
    assert sum(roles_of(user) == ["Administrator"] for user in pair) == 1


def test_teams_and_ous_say_what_somebody_sees(admin, sam):
    team, ou = factories.team(slug="payments"), factories.ou(name="Workloads")
    assert actions.join_team(admin, sam.pk, slug="payments", now=NOW)
    assert not actions.join_team(admin, sam.pk, slug="payments", now=NOW)
    assert actions.grant_ou(admin, sam.pk, ou_id=ou.ou_id, now=NOW)
    scope = access.scope_of(fresh(sam))
    assert (scope.team_ids, scope.ou_paths) == ((team.pk,), (ou.path,))
    assert actions.leave_team(admin, sam.pk, slug="payments", now=NOW)
    assert actions.withdraw_ou(admin, sam.pk, ou_id=ou.ou_id, now=NOW)
    assert not actions.withdraw_ou(admin, sam.pk, ou_id=ou.ou_id, now=NOW)
    assert access.scope_of(fresh(sam)).nothing
    with pytest.raises(Refused, match="There is no team 'none'"):
        actions.join_team(admin, sam.pk, slug="none", now=NOW)
    with pytest.raises(Refused, match="There is no OU 'ou-x'"):
        actions.grant_ou(admin, sam.pk, ou_id="ou-x", now=NOW)


def test_switching_off_ends_sessions_and_tokens(admin, client):
    sam = factories.person(role="Auditor", username="sam")
    client.force_login(sam)
    session = client.session
    UserSession.objects.create(
        user=sam, session_key=session.session_key, ip="127.0.0.1", user_agent="test"
    )
    _, text = tokens.create(
        sam, owner=sam, name="mine", rights=[roles.READ_FINDINGS], days=1, now=NOW
    )
    assert client.get("/").status_code == 200
    ended = actions.deactivate(admin, sam.pk, now=NOW)
    assert (ended.sessions, ended.tokens) == (1, 1)
    assert client.get("/").status_code == 302
    assert tokens.use(text, address="127.0.0.1", now=NOW) is None
    row = ApiToken.objects.get()
    assert (row.revoked_at, row.revoked_by) == (NOW, "admin")
    actions.reactivate(admin, sam.pk, now=NOW)
    assert fresh(sam).has_perm(roles.READ_AUDIT)
    assert tokens.use(text, address="127.0.0.1", now=NOW) is None


def test_a_service_account_has_no_password_and_comes_in_by_no_page(admin, client):
    made = actions.create_service(
        admin, username=" bridge ", purpose="Tickets; ask Dana.", role_names=["Auditor"], now=NOW
    )
    assert (made.username, made.profile.kind) == ("bridge", Profile.Kind.SERVICE)
    assert not made.has_usable_password() and roles_of(made) == ["Auditor"]
    client.force_login(made)
    assert client.get("/").status_code == 302


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"username": ""}, "1 to 150 characters"),
        ({"username": "a b"}, "letters, digits and"),
        ({"username": "ADMIN"}, "There is a user ADMIN already"),
        ({"purpose": " "}, "The purpose is empty"),
        ({"purpose": "x" * 201}, "use 200 at most"),
        ({"role_names": ["King"]}, "There is no role 'King'"),
    ],
)
def test_a_service_account_that_cannot_be_is_refused_with_the_remedy(admin, changes, words):
    values = {"username": "bridge", "purpose": "Tickets", "role_names": ()} | changes
    with pytest.raises(Refused, match=words):
        actions.create_service(admin, **values, now=NOW)
    assert not Profile.objects.filter(kind=Profile.Kind.SERVICE).exists()


def provide(user, roles=None, teams=None):
    return actions.provide(user, roles=roles or {}, teams=teams or {}, now=NOW)


def test_the_provider_gives_and_takes_what_it_gave_and_nothing_else(admin, sam):
    for slug in ("payments", "web"):
        factories.team(slug=slug)
    change(admin, sam, give=["Executive"])
    actions.join_team(admin, sam.pk, slug="web", now=NOW)
    done = provide(
        sam,
        {"Auditor": "aws-audit", "Executive": "board"},
        {"payments": "team-pay", "web": "team-web"},
    )
    assert done.given == ("Auditor",)
    assert roles_of(sam) == ["Auditor", "Executive"]
    # What was there by hand stays by hand.
    assert list(ProvidedRole.objects.values_list("role__name", "by")) == [("Auditor", "aws-audit")]
    assert list(ProvidedTeam.objects.values_list("team__slug", "by")) == [("payments", "team-pay")]
    provide(sam, {"Auditor": "auditors"}, {"payments": "team-pay"})
    assert ProvidedRole.objects.get().by == "auditors"
    done = provide(sam)
    assert done.taken == ("Auditor",)
    assert roles_of(sam) == ["Executive"]
    assert list(TeamMembership.objects.values_list("team__slug", flat=True)) == ["web"]
    assert not ProvidedRole.objects.exists() and not ProvidedTeam.objects.exists()


def test_what_the_provider_gives_is_not_taken_by_hand(admin, sam):
    factories.team(slug="payments")
    provide(sam, {"Auditor": "aws-audit"}, {"payments": "team-pay"})
    with pytest.raises(Refused, match="Auditor comes from the group aws-audit of the identity"):
        change(admin, sam, give=["Executive"], take=["Auditor"])
    with pytest.raises(Refused, match="payments comes from the group team-pay"):
        actions.leave_team(admin, sam.pk, slug="payments", now=NOW)
    assert roles_of(sam) == ["Auditor"]


def test_the_provider_gives_no_role_that_there_is_not_and_none_to_programs(admin, sam):
    with pytest.raises(Refused, match="There is no role 'King'"):
        provide(sam, {"King": "royals"})
    with pytest.raises(Refused, match="There is no team 'none'"):
        provide(sam, {}, {"none": "nobody"})
    made = actions.create_service(admin, username="b", purpose="p", role_names=(), now=NOW)
    with pytest.raises(Refused, match="is a service account"):
        provide(made, {"Auditor": "aws-audit"})
