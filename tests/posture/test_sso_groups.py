"""Groups of the identity provider: what they give, who maps them, and the page."""

import re
from datetime import timedelta

import pytest
import time_machine
from allauth.socialaccount.models import SocialAccount
from django.contrib.auth.models import Group, User
from django.core.exceptions import PermissionDenied
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction

from inventory.models import TeamMembership
from posture.actions import people, tokens
from posture.actions.sign_in import providers
from posture.actions.sign_in.providers import Said
from posture.models import GroupMapping, Profile, ProvidedRole, ProviderSignIn, SeenGroup
from posture.policies import groups as policies
from posture.policies import roles
from posture.policies.groups import Unmapped
from tests import factories
from tests.factories import NOW

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("frozen")]
PAGE = "/people/groups/"


@pytest.fixture
def frozen():
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def noor():
    return factories.person(role="Administrator", username="noor")


@pytest.fixture
def admin(client, noor):
    client.force_login(noor)
    return client


def text(response):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


def comes(*groups, subject="u-1", username="dana", now=NOW, said_nothing=False):
    said = Said(
        provider="oidc",
        subject=subject,
        username=username,
        groups=None if said_nothing else tuple(sorted(groups)),
    )
    return providers.admit(said, now=now)


def role_names(user):
    return sorted(user.groups.values_list("name", flat=True))


def token_of(user):
    return tokens.create(
        user, owner=user, name="script", rights=[roles.READ_FINDINGS], days=90, now=NOW
    )[1]


def is_good(text, *, now=NOW):
    return tokens.use(text, address="192.0.2.1", now=now) is not None


# What they give


def test_people_get_exactly_what_their_groups_give_now_and_keep_what_was_given_by_hand(noor):
    team = factories.team(slug="payments")
    people.map_group(noor, group="engineers", role="Security engineer", now=NOW)
    people.map_group(noor, group="engineers", team="payments", now=NOW)
    people.map_group(noor, group="board", role="Executive", now=NOW)
    user = comes("board", "engineers").user
    assert role_names(user) == ["Executive", "Security engineer"]
    assert [row.team for row in user.team_memberships.all()] == [team]
    people.change_roles(noor, user.pk, give=["Auditor"], take=[], now=NOW)
    comes("board")
    assert role_names(user) == ["Auditor", "Executive"]
    assert not user.team_memberships.exists()
    assert comes("canteen").user is None
    assert role_names(user) == ["Auditor"]


def test_group_names_differ_by_case_and_by_every_character(noor):
    people.map_group(noor, group="Engineers", role="Security engineer", now=NOW)
    assert comes("engineers").user is None
    assert comes("Engineers ").user is None
    assert comes("Engineers").user is not None


@pytest.mark.parametrize(
    ("value", "groups"),
    [
        (None, None),
        ([], ()),
        ("engineers", ("engineers",)),
        (["b", "a", "a"], ("a", "b")),
        ([1, None, {"x": 1}, ["y"], "a"], ("a",)),
        ({"roles": ["a"]}, ()),
        (["", "  ", "a\nb", "a\x00b", "\u202egnp", "g" * 251, "g" * 250], ("g" * 250,)),
        (["x"] * 1000 + ["late"], ("x",)),
        ("<script>", ("<script>",)),
    ],
)
def test_whatever_a_provider_sends_groups_are_short_visible_names(value, groups):
    assert policies.groups_of(value) == groups


def test_why_nothing_is_given_is_told_apart(noor):
    assert comes(said_nothing=True).why is Unmapped.NO_CLAIM
    assert comes().why is Unmapped.NO_GROUP
    assert comes("canteen").why is Unmapped.NOT_MAPPED
    assert not SocialAccount.objects.exists()


def test_a_role_that_the_table_has_no_more_is_given_to_nobody(noor):
    old = Group.objects.create(name="Night watch")
    GroupMapping.objects.create(group="watch", role=old, added_by="noor", added_at=NOW)
    assert comes("watch").why is Unmapped.NOT_MAPPED


def test_who_is_switched_off_gets_nothing(noor):
    people.map_group(noor, group="engineers", role="Security engineer", now=NOW)
    user = comes("engineers").user
    people.deactivate(noor, user.pk, now=NOW)
    people.map_group(noor, group="board", role="Executive", now=NOW)
    comes("board", "engineers")
    assert role_names(user) == ["Security engineer"]


@pytest.mark.parametrize(
    ("username", "name"),
    [
        ("dana", "dana"),
        ("Dana Reyes", "Dana-Reyes"),
        ("../root", "..-root"),
        ("\uff44\uff41\uff4e\uff41", "dana"),
    ],
)
def test_user_names_are_what_the_provider_says_in_letters_digits_and_signs(noor, username, name):
    people.map_group(noor, group="engineers", role="Security engineer", now=NOW)
    assert comes("engineers", username=username).user.username == name
    second = comes("engineers", username=username.upper(), subject="u-2").user.username
    assert second.casefold() == f"{name}-2".casefold()


def test_somebody_without_any_name_gets_one_made_of_the_subject(noor):
    people.map_group(noor, group="engineers", role="Security engineer", now=NOW)
    names = {comes("engineers", username="", subject=one).user.username for one in ("a", "b")}
    assert len(names) == 2
    assert all(re.fullmatch(r"oidc-[0-9a-f]{12}", name) for name in names)


# Tokens


def test_tokens_stop_when_the_person_has_not_come_by_the_provider_for_long(noor, settings):
    settings.POSTURE_PROVIDER_TOKEN_DAYS = 30
    people.map_group(noor, group="engineers", role="Security engineer", now=NOW)
    token = token_of(comes("engineers").user)
    assert is_good(token, now=NOW + timedelta(days=30))
    assert not is_good(token, now=NOW + timedelta(days=30, seconds=1))
    comes("engineers", now=NOW + timedelta(days=31))
    assert is_good(token, now=NOW + timedelta(days=31))


def test_tokens_stop_at_once_when_a_sign_in_was_refused_or_a_mapping_took_every_role(noor):
    row = people.map_group(noor, group="engineers", role="Security engineer", now=NOW)
    token = token_of(comes("engineers").user)
    comes("canteen")
    assert not is_good(token)
    comes("engineers")
    assert is_good(token)
    assert people.unmap_group(noor, row.pk, now=NOW) == 1
    assert not is_good(token)


def test_tokens_of_others_do_not_depend_on_a_provider(noor):
    person = factories.security_engineer()
    assert is_good(token_of(person), now=NOW + timedelta(days=80))


# Mapping


def test_taking_a_mapping_away_takes_what_it_gave_and_leaves_what_another_group_gives(noor):
    first = people.map_group(noor, group="engineers", role="Auditor", now=NOW)
    people.map_group(noor, group="platform", role="Auditor", now=NOW)
    team = factories.team(slug="payments")
    place = people.map_group(noor, group="engineers", team="payments", now=NOW)
    both = comes("engineers", "platform").user
    one = comes("engineers", subject="u-2", username="eve").user
    by_hand = comes("platform", subject="u-3", username="finn").user
    people.map_group(noor, group="other", role="Executive", now=NOW)
    assert people.unmap_group(noor, first.pk, now=NOW) == 1
    assert role_names(both) == ["Auditor"]
    assert ProvidedRole.objects.get(user=both).by == "platform"
    assert role_names(one) == []
    assert role_names(by_hand) == ["Auditor"]
    assert people.unmap_group(noor, place.pk, now=NOW) == 2
    assert not TeamMembership.objects.filter(team=team).exists()


def test_taking_a_mapping_away_costs_the_same_for_one_and_for_many(
    noor, django_assert_max_num_queries
):
    costs = []
    for group, size in (("few", 1), ("many", 12)):
        row = people.map_group(noor, group=group, role="Auditor", now=NOW)
        for number in range(size):
            comes(group, subject=f"{group}-{number}", username=f"{group}-{number}")
        with django_assert_max_num_queries(40) as asked:
            assert people.unmap_group(noor, row.pk, now=NOW) == size
        costs.append(len(asked))
    assert costs[0] == costs[1]


def test_who_manages_people_maps_and_nobody_their_own_group(noor):
    with pytest.raises(PermissionDenied):
        people.map_group(factories.stranger(), group="g", role="Auditor", now=NOW)
    row = people.map_group(noor, group="admins", role="Administrator", now=NOW)
    dana = comes("admins", "staff").user
    for group in ("admins", "staff"):
        with pytest.raises(people.Refused, match="in the group"):
            people.map_group(dana, group=group, role="Security engineer", now=NOW)
    with pytest.raises(people.Refused, match="in the group"):
        people.unmap_group(dana, row.pk, now=NOW)


def test_the_last_mapping_that_lets_somebody_manage_people_stays(noor):
    row = people.map_group(noor, group="admins", role="Administrator", now=NOW)
    comes("admins")
    noor.groups.clear()
    emergency = factories.person(role="Administrator", username="emergency")
    Profile.objects.create(user=emergency, kind=Profile.Kind.BREAK_GLASS)
    with pytest.raises(people.Refused, match="last person"):
        people.unmap_group(User.objects.get(pk=emergency.pk), row.pk, now=NOW)
    assert GroupMapping.objects.exists()


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"group": " ", "role": "Auditor"}, "empty"),
        ({"group": "g" * 251, "role": "Auditor"}, "250 characters"),
        ({"group": "a\u202eb", "role": "Auditor"}, "visible"),
        ({"group": "g"}, "one thing"),
        ({"group": "g", "role": "Auditor", "team": "payments"}, "one thing"),
        ({"group": "g", "role": "Emperor"}, "no role 'Emperor'"),
        ({"group": "g", "team": "nobody"}, "no team 'nobody'"),
    ],
)
def test_what_cannot_be_mapped_is_refused_with_the_remedy(noor, values, words):
    with pytest.raises(people.Refused, match=words):
        people.map_group(noor, **values, now=NOW)


def test_the_same_is_mapped_once(noor):
    row = people.map_group(noor, group="g", role="Auditor", now=NOW)
    with pytest.raises(people.Refused, match="already"):
        people.map_group(noor, group="g", role="Auditor", now=NOW)
    row.pk = None
    with pytest.raises(IntegrityError), transaction.atomic():
        row.save()


def test_groups_that_nobody_came_with_for_long_are_forgotten(noor):
    comes("old")
    comes("new", now=NOW + timedelta(days=91))
    assert [row.name for row in SeenGroup.objects.all()] == ["new"]


# The page


def test_an_empty_page_says_what_to_do(admin):
    shown = text(admin.get(PAGE))
    assert "No group is mapped" in shown
    assert "Map a group: write its name as the provider does" in shown
    assert "No identity provider is configured." in shown


def test_the_page_shows_what_is_mapped_and_what_comes_without_a_mapping(admin, noor):
    people.map_group(noor, group="engineers", role="Security engineer", now=NOW)
    people.map_group(noor, group="typo", role="Auditor", now=NOW)
    comes("engineers", "canteen & co")
    page = admin.get(PAGE)
    shown = text(page)
    assert "canteen &amp; co somebody signed in with it" in shown
    assert "not yet check the spelling" in shown
    assert [(one.group, one.people) for one in page.context["mappings"]] == [
        ("engineers", 1),
        ("typo", 0),
    ]
    filled = admin.get(f"{PAGE}?group=canteen%20%26%20co").content.decode()
    assert 'value="canteen &amp; co"' in filled


def test_adding_and_removing_by_the_page(admin):
    factories.team(slug="payments")
    assert admin.post(PAGE, {"group": "engineers", "gives": "team:payments"}).status_code == 302
    assert admin.post(PAGE, {"group": "engineers", "gives": "role:Auditor"}).status_code == 302
    rows = {(row.group, row.team_id is None) for row in GroupMapping.objects.all()}
    assert rows == {("engineers", True), ("engineers", False)}
    for row in GroupMapping.objects.all():
        assert admin.post(f"{PAGE}{row.pk}/remove/").status_code == 302
    assert admin.post(f"{PAGE}{row.pk}/remove/").status_code == 404
    assert "Removed" in text(admin.get(PAGE))


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        ({}, "The group is empty"),
        ({"group": "g"}, "Choose what the group gives"),
        ({"group": "g", "gives": "role:Emperor"}, "no role and no team"),
        ({"group": "a\u202eb", "gives": "role:Auditor"}, "all of them visible"),
    ],
)
def test_a_form_that_is_not_good_comes_back_with_words(admin, sent, words):
    answer = admin.post(PAGE, sent)
    assert answer.status_code == 422
    assert words in text(answer)
    assert not GroupMapping.objects.exists()


def test_hostile_group_names_are_shown_as_text(admin, noor):
    name = '"><script>alert(1)</script>{{7*7}}'
    comes(name, "x" * 250)
    people.map_group(noor, group=f"{name}2", role="Auditor", now=NOW)
    page = admin.get(PAGE).content.decode()
    assert "<script>alert" not in page
    assert page.count("&lt;script&gt;alert(1)") >= 2
    assert "{{7*7}}" in page


def test_who_does_not_manage_people_sees_and_changes_nothing(client, noor):
    row = people.map_group(noor, group="engineers", role="Auditor", now=NOW)
    client.force_login(factories.security_engineer())
    assert client.get(PAGE).status_code == 403
    assert client.post(PAGE, {"group": "g", "gives": "role:Auditor"}).status_code == 403
    assert client.post(f"{PAGE}{row.pk}/remove/").status_code == 403
    assert GroupMapping.objects.count() == 1


def test_the_page_costs_the_same_with_one_and_with_thirty(
    admin, noor, django_assert_max_num_queries
):
    def cost():
        with django_assert_max_num_queries(40) as asked:
            admin.get(PAGE)
        return len(asked)

    people.map_group(noor, group="g0", role="Auditor", now=NOW)
    comes("g0", "h0")
    admin.get(PAGE)
    one = cost()
    for number in range(1, 30):
        people.map_group(noor, group=f"g{number}", role="Auditor", now=NOW)
        comes(f"g{number}", f"h{number}", subject=f"u-{number}", username=f"p{number}")
    assert cost() == one


def test_the_page_of_a_person_and_of_tokens_say_how_things_stand_at_the_provider(
    admin, noor, client
):
    people.map_group(noor, group="engineers", role="Security engineer", now=NOW)
    user = comes("engineers").user
    comes("canteen")
    assert "Refused just now : in no group that is mapped" in text(admin.get(f"/people/{user.pk}/"))
    assert "30 days after the last time" not in text(admin.get("/people/tokens/"))
    comes("engineers")
    assert "Refused" not in text(admin.get(f"/people/{user.pk}/"))
    client.force_login(user)
    assert "30 days after the last time" in text(client.get("/people/tokens/"))


# Linking


def test_an_administrator_links_a_local_account_on_the_server_and_its_password_is_gone(noor):
    people.map_group(noor, group="engineers", role="Security engineer", now=NOW)
    sam = factories.local_person(username="sam")
    call_command("link_sign_in", "sam", provider="oidc", subject="u-9", verbosity=0)
    assert comes("engineers", subject="u-9", username="whatever").user == sam
    sam.refresh_from_db()
    assert not sam.has_usable_password()
    assert ProviderSignIn.objects.get(user=sam).signed_in_at == NOW


def test_a_link_that_cannot_be_is_refused(noor):
    factories.local_person(username="sam")
    factories.local_person(username="tess")
    call_command("link_sign_in", "sam", provider="oidc", subject="u-9", verbosity=0)
    for name, subject in (("tess", "u-9"), ("sam", "u-10"), ("tess", ""), ("nobody", "u-11")):
        with pytest.raises(CommandError):
            call_command("link_sign_in", name, provider="oidc", subject=subject, verbosity=0)
