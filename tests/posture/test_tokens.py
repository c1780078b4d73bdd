"""API tokens: what they may do, when they are good, and what is kept of them."""

from datetime import timedelta

import pytest
import time_machine
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.urls import reverse

from inventory import access
from posture.actions import people, tokens
from posture.actions.tokens import Refused
from posture.models import ApiToken, Profile
from posture.policies import roles
from posture.policies import tokens as policies
from tests import factories
from tests.factories import NOW

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("frozen")]

READ, EVERYTHING = roles.READ_FINDINGS, roles.SEE_EVERYTHING
API = "/api/v1/findings/"


@pytest.fixture
def frozen():
    with time_machine.travel(NOW, tick=False) as clock:
        yield clock


@pytest.fixture
def auditor():
    return factories.person(role="Auditor", username="aisha")


def finding(**changes):
    values = {"account": factories.account(), "control": factories.control()} | changes
    row = factories.finding(**values)
    factories.count_findings()
    return row


def make(owner, *, by=None, rights=(READ, EVERYTHING), days=30, name="laptop", now=NOW):
    return tokens.create(by or owner, owner=owner, name=name, rights=rights, days=days, now=now)


def bearer(text):
    return {"Authorization": f"Bearer {text}"}


def test_a_token_is_known_by_its_prefix_and_kept_as_a_hash_alone(auditor):
    row, text = make(auditor)
    assert text.startswith("ppt_") and len(text) == 68
    stored = "".join(str(value) for value in ApiToken.objects.values_list().get())
    assert text not in stored and text[15:] not in stored
    assert row.token_key == text[:15]
    assert (row.created, row.expiry) == (NOW, NOW + timedelta(days=30))
    assert make(auditor)[1] != text


def test_a_program_reads_what_its_owner_may_read(client, auditor):
    found = finding(title="Bucket is public")
    _, text = make(auditor)
    assert client.get(API).status_code == 401
    response = client.get(API, headers=bearer(text))
    assert [row["title"] for row in response.json()["results"]] == [found.title]
    assert client.get(API, headers={"Authorization": f"bearer {text}"}).status_code == 200


def test_the_browser_goes_on_with_its_session(client, auditor):
    client.force_login(auditor)
    assert client.get(API).status_code == 200


def test_who_does_not_sign_in_is_told_how(client):
    response = client.get(API)
    assert response.status_code == 401
    assert response["WWW-Authenticate"] == 'Bearer realm="Parapet API"'


@pytest.mark.parametrize(
    "header", ["Bearer", "Bearer ppt_no", "Bearer a b", "Bearer \u00e9", "Bearer " + "x" * 5000]
)
def test_a_bad_token_is_refused_even_in_the_browser_of_somebody_signed_in(client, auditor, header):
    client.force_login(auditor)
    response = client.get(API, headers={"Authorization": header.encode().decode("latin-1")})
    assert response.status_code == 401
    assert response["WWW-Authenticate"] == 'Bearer realm="Parapet API", error="invalid_token"'


def test_another_scheme_is_no_token(client, auditor):
    client.force_login(auditor)
    assert client.get(API, headers={"Authorization": "Basic YTpi"}).status_code == 200


def test_a_token_opens_no_page_and_begins_no_session(client, auditor):
    _, text = make(auditor)
    for name in ("posture:overview", "findings:list", "posture:tokens", "posture:rights"):
        response = client.get(reverse(name), headers=bearer(text))
        assert response.status_code == 302 and response["Location"].startswith("/sign-in/")
    client.get(API, headers=bearer(text))
    assert not client.cookies


def used(text, *, now=NOW, address="192.0.2.1"):
    return tokens.use(text, address=address, now=now)


def test_it_may_do_what_both_its_owner_and_itself_may(auditor):
    _, text = make(auditor, rights=[READ])
    user, token = used(text)
    assert user.has_perm(READ) and not user.has_perm(roles.READ_AUDIT)
    assert user.get_all_permissions() == {READ} and user.has_module_perms("findings")
    assert not user.has_module_perms("posture")
    assert (user, token.name) == (auditor, "laptop")
    auditor.groups.clear()
    user, _ = used(text)
    assert not user.has_perm(READ) and user.get_all_permissions() == set()


def test_an_owner_who_may_do_everything_gives_no_more_than_was_chosen():
    root = factories.stranger(username="root")
    root.is_superuser = True
    root.save()
    _, text = make(root, rights=[READ])
    user, _ = used(text)
    assert user.has_perm(READ) and not user.has_perm(EVERYTHING)
    assert not user.has_perm("auth.delete_user")


def test_without_that_right_it_sees_the_teams_and_ous_of_its_owner_alone(client, auditor):
    team = factories.team(slug="payments")
    people.join_team(factories.person(role="Administrator"), auditor.pk, slug="payments", now=NOW)
    own = finding(account=factories.account(team=team), title="Own")
    finding(title="Foreign")
    _, text = make(auditor, rights=[READ])
    scope = access.scope_of(used(text)[0])
    assert (scope.everything, scope.team_ids) == (False, (team.pk,))
    results = client.get(API, headers=bearer(text)).json()["results"]
    assert [row["title"] for row in results] == [own.title]


def test_without_the_right_to_read_findings_it_reads_none(client, auditor):
    finding()
    _, text = make(auditor, rights=[EVERYTHING])
    assert client.get(API, headers=bearer(text)).status_code == 403
    response = client.get("/api/v1/reviews/", headers=bearer(text))
    assert response.status_code == 403 and "Read weekly reviews" in response.json()["detail"]


def test_it_ends_on_its_day(client, auditor, frozen):
    _, text = make(auditor, days=2)
    frozen.move_to(NOW + timedelta(days=2, seconds=-1))
    assert client.get(API, headers=bearer(text)).status_code == 200
    frozen.move_to(NOW + timedelta(days=2))
    response = client.get(API, headers=bearer(text))
    assert response.status_code == 401 and "WWW-Authenticate" in response.headers


def test_it_ends_with_its_owner(auditor):
    _, text = make(auditor)
    auditor.is_active = False
    auditor.save()
    assert used(text) is None
    auditor.is_active = True
    auditor.save()
    assert used(text) is not None
    # As a demo user beside a real organisation, and as the account for the worst day.
    profile = Profile.objects.create(user=auditor, is_demo=True)
    assert used(text) is None
    profile.is_demo, profile.kind = False, Profile.Kind.BREAK_GLASS
    profile.save()
    assert used(text) is None
    with pytest.raises(Refused, match="use a service account"):
        make(auditor)


def test_its_use_is_noted_once_a_minute_and_with_each_address(auditor, django_assert_num_queries):
    row, text = make(auditor)
    used(text)
    later = NOW + timedelta(seconds=59)
    with django_assert_num_queries(2):
        used(text, now=later)
    row.refresh_from_db()
    assert (row.last_used_at, row.last_address) == (NOW, "192.0.2.1")
    used(text, now=later, address="2001:db8::1")
    row.refresh_from_db()
    assert (row.last_used_at, row.last_address) == (NOW, "2001:db8::1")
    used(text, now=NOW + timedelta(seconds=60), address="2001:db8::1")
    row.refresh_from_db()
    assert row.last_used_at == NOW + timedelta(seconds=60)


def test_revoking_is_for_the_owner_and_for_who_manages_people(auditor):
    admin = factories.person(role="Administrator", username="admin")
    row, text = make(auditor)
    for stranger in (factories.stranger(), factories.security_engineer()):
        with pytest.raises(ApiToken.DoesNotExist):
            tokens.revoke(stranger, row.pk, now=NOW)
    assert used(text) is not None
    assert tokens.revoke(admin, row.pk, now=NOW)
    assert not tokens.revoke(auditor, row.pk, now=NOW)
    row.refresh_from_db()
    assert (row.revoked_at, row.revoked_by) == (NOW, "admin")
    assert used(text) is None


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": " "}, "1 to 80 characters"),
        ({"name": "x" * 81}, "1 to 80 characters"),
        ({"rights": []}, "choose one at least"),
        ({"rights": [roles.TRIAGE]}, "cannot have the right findings.triage"),
        ({"rights": ["auth.delete_user"]}, "cannot have the right"),
        ({"days": 0}, "expires after 1 to 365 days"),
        ({"days": 366}, "expires after 1 to 365 days"),
    ],
)
def test_a_token_that_cannot_be_is_refused_with_the_remedy(auditor, changes, words):
    with pytest.raises(Refused, match=words):
        make(auditor, **changes)
    assert not ApiToken.objects.exists()


def test_the_longest_life_is_a_setting(auditor, settings):
    settings.POSTURE_TOKEN_MAX_DAYS = 7
    with pytest.raises(Refused, match="1 to 7 days"):
        make(auditor, days=8)


def test_some_things_only_people_do():
    boss = factories.person(role=[role.name for role in roles.ROLES], username="boss")
    offered = {right.code for right in policies.rights_of(boss)}
    decisions = {
        *(roles.ASSESS_EXCEPTIONS, roles.APPROVE_EXCEPTIONS, roles.ACCEPT_EXCEPTION_RISK),
        *(roles.APPROVE_HIGH_EXCEPTIONS, roles.APPROVE_CRITICAL_EXCEPTIONS),
    }
    kept = {roles.MANAGE_PEOPLE, roles.PUBLISH_REVIEWS, *decisions}
    assert offered == {right.code for right in roles.RIGHTS} - kept
    with pytest.raises(Refused, match=r"cannot have the right posture\.manage_people"):
        make(boss, rights=[roles.MANAGE_PEOPLE])


def test_there_are_not_more_good_ones_than_anybody_can_look_after(auditor, monkeypatch):
    monkeypatch.setattr(tokens, "MOST", 2)
    first, _ = make(auditor)
    make(auditor)
    with pytest.raises(Refused, match="revoke one that is not used"):
        make(auditor)
    tokens.revoke(auditor, first.pk, now=NOW)
    make(auditor)


def test_who_makes_tokens_for_whom(auditor):
    admin = factories.person(role="Administrator", username="admin")
    service = people.create_service(
        admin, username="bridge", purpose="Tickets", role_names=["Auditor"], now=NOW
    )
    row, text = make(service, by=admin)
    assert (row.user, row.created_by) == (service, admin)
    assert used(text)[0].has_perm(READ)
    for by, owner in ((admin, auditor), (auditor, service), (auditor, admin)):
        with pytest.raises(PermissionDenied):
            make(owner, by=by)


def test_the_table_itself_refuses_what_cannot_be(auditor):
    row, _ = make(auditor)
    for changes in (
        {"expiry": NOW},
        {"revoked_at": NOW},
        {"revoked_by": "sam"},
        {"name": ""},
        {"rights": []},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            ApiToken.objects.filter(pk=row.pk).update(**changes)
