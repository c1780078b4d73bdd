"""Signing in by SAML, at a real identity provider on loopback."""

import base64
import re
from datetime import timedelta
from html import unescape
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
import time_machine
import xmlsec
from allauth.socialaccount.models import SocialAccount
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.test import Client
from lxml import etree

from posture import env, system_checks
from posture.actions import people
from posture.policies import roles
from tests import factories
from tests.fixtures import saml_idp
from tests.fixtures.audit import entries
from tests.fixtures.saml_idp import DSIG, SAML
from tests.fixtures.sign_in import SIGN_IN, now, spoken

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("no_attempts_yet"),
]
START, ACS, FINISH = "/sign-in/saml/", "/sign-in/saml/acs/", "/sign-in/saml/finish/"
METADATA = "/sign-in/saml/metadata/"
HERE = "http://localhost:8000"


@pytest.fixture(scope="module")
def key():
    return saml_idp.Key()


@pytest.fixture(scope="module")
def other_key():
    return saml_idp.Key()


@pytest.fixture(scope="module")
def addresses():
    """A server whose provider each test brings anew."""
    provider = saml_idp.IdentityProvider(None)
    server = saml_idp.serve(provider)
    yield server, provider
    server.shutdown()
    server.server_close()


@pytest.fixture
def idp(addresses, key, settings, monkeypatch, client):
    server, first = addresses
    provider = saml_idp.IdentityProvider(key)
    provider.entity_id, provider.sign_in_url = first.entity_id, first.sign_in_url
    server.RequestHandlerClass.provider = provider
    monkeypatch.setattr(env, "problems", [])
    monkeypatch.setenv("POSTURE_SAML_ENTITY_ID", provider.entity_id)
    monkeypatch.setenv("POSTURE_SAML_SIGN_IN_URL", provider.sign_in_url)
    monkeypatch.setenv("POSTURE_SAML_CERTIFICATE", key.certificate)
    monkeypatch.setenv("POSTURE_SAML_NAME", "Halden login")
    settings.SOCIALACCOUNT_PROVIDERS = env.identity_providers()
    assert env.problems == []
    provider.learn(client.get(METADATA).content.decode())
    provider.person.attributes = attributes(groups=["engineers"])
    return provider


@pytest.fixture
def mapped():
    admin = factories.person(role="Administrator", username="noor")
    people.map_group(admin, group="engineers", role="Security engineer", now=now())
    people.map_group(admin, group="auditors", role="Auditor", now=now())


def attributes(**changes):
    return {
        "username": ["dana"],
        "email": ["dana@example.com"],
        "givenName": ["Dana"],
        "sn": ["Reyes"],
    } | changes


def leave(client, next_address=""):
    answer = client.get(START, {"next": next_address} if next_address else {})
    assert answer.status_code == 302
    return answer["Location"]


def consent(address):
    """What the form of the provider would post, and where."""
    page = requests.get(address, timeout=5)
    assert page.status_code == 200, page.text
    fields = {n: unescape(v) for n, v in re.findall(r'name="(\w+)" value="([^"]*)"', page.text)}
    action = unescape(re.search(r'action="([^"]*)"', page.text)[1])
    assert action == f"{HERE}{ACS}"
    return fields


def post(client, fields):
    """As the browser does: the post comes from another site, so without the session's cookie."""
    from_elsewhere = Client()
    answer = from_elsewhere.post(ACS, fields)
    client.cookies.update(from_elsewhere.cookies)
    return answer


def come_back(client, fields):
    """The post, and where it leads."""
    answer = post(client, fields)
    assert answer.status_code == 302
    if answer["Location"] != FINISH:
        return answer
    return client.get(FINISH)


def sign_in(client, next_address=""):
    return come_back(client, consent(leave(client, next_address)))


def is_signed_in(client):
    return client.get("/people/rights/").status_code == 200


def is_refused(client, answer):
    assert answer.status_code == 302
    assert answer["Location"] == SIGN_IN
    assert not is_signed_in(client)
    assert not SocialAccount.objects.exists()
    return True


def data(root):
    return root.find(f".//{SAML}SubjectConfirmationData")


# Signing in


def test_the_metadata_says_who_we_are_and_that_assertions_are_signed(client, idp):
    answer = client.get(METADATA)
    assert answer["Content-Type"] == "application/samlmetadata+xml"
    root = etree.fromstring(answer.content)
    assert root.get("entityID") == f"{HERE}{METADATA}"
    assert root.get("validUntil") is None
    (own,) = root
    assert own.get("WantAssertionsSigned") == "true"
    assert f'Location="{HERE}{ACS}"' in answer.content.decode()


@pytest.mark.usefixtures("mapped")
def test_the_first_sign_in_makes_an_account_with_what_the_groups_give(client, idp):
    assert sign_in(client, "/accounts/")["Location"] == "/accounts/"
    assert is_signed_in(client)
    user = User.objects.get(username="dana")
    assert (user.get_full_name(), user.email) == ("Dana Reyes", "dana@example.com")
    assert [group.name for group in user.groups.all()] == ["Security engineer"]
    account = SocialAccount.objects.get(user=user)
    assert (account.provider, account.uid, account.extra_data) == ("saml", "u-1", {})


@pytest.mark.usefixtures("mapped")
def test_other_groups_change_rights_at_the_next_sign_in(client, idp):
    sign_in(client)
    idp.person.attributes = attributes(groups=["auditors", "canteen"])
    sign_in(client)
    user = User.objects.get(username="dana")
    assert user.has_perm(roles.READ_AUDIT)
    assert not user.has_perm(roles.TRIAGE)


@pytest.mark.usefixtures("mapped")
def test_removal_from_the_groups_ends_access(client, idp):
    sign_in(client)
    idp.person.attributes = attributes(groups=["canteen"])
    other = Client()
    refused = sign_in(other)
    assert refused.status_code == 403
    assert "canteen" in spoken(refused)
    assert not is_signed_in(other)
    assert not is_signed_in(client)
    assert not User.objects.get(username="dana").groups.exists()


def test_who_is_gone_at_the_provider_gets_no_answer_there(client, idp):
    idp.person = None
    assert requests.get(leave(client), timeout=5).status_code == 403
    assert not is_signed_in(client)


@pytest.mark.usefixtures("mapped")
def test_the_subject_may_be_an_attribute(client, idp, settings, monkeypatch):
    monkeypatch.setenv("POSTURE_SAML_SUBJECT_ATTRIBUTE", "employeeNumber")
    settings.SOCIALACCOUNT_PROVIDERS = env.identity_providers()
    idp.person.attributes = attributes(groups=["engineers"], employeeNumber=["4711"])
    idp.person.name_format = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"
    idp.learn(client.get(METADATA).content.decode())
    sign_in(client)
    assert SocialAccount.objects.get().uid == "4711"


@pytest.mark.usefixtures("mapped")
def test_a_provider_that_changes_its_key_is_known_by_both(
    client, idp, settings, monkeypatch, key, other_key
):
    monkeypatch.setenv("POSTURE_SAML_CERTIFICATE", f"{other_key.certificate}\n{key.certificate}")
    settings.SOCIALACCOUNT_PROVIDERS = env.identity_providers()
    sign_in(client)
    assert is_signed_in(client)


@pytest.mark.usefixtures("mapped")
def test_an_address_of_somebody_here_takes_nobody_over(client, idp):
    local = factories.local_person(username="dana", email="dana@example.com")
    sign_in(client)
    account = SocialAccount.objects.get()
    assert account.user.username == "dana-2"
    assert account.user != local


@pytest.mark.usefixtures("mapped")
@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example"])
def test_neither_next_nor_relay_state_leads_to_another_site(client, idp, target):
    fields = consent(leave(client, target))
    assert come_back(client, fields | {"RelayState": target})["Location"] == "/"


# What an attacker tries


def at(*, minutes):
    return (now() + timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ")


def _without_conditions(root):
    restriction = root.find(f".//{SAML}AudienceRestriction")
    restriction.getparent().remove(restriction)


def _late(root):
    root.find(f".//{SAML}Conditions").set("NotOnOrAfter", at(minutes=-20))


def _confirmed_late(root):
    data(root).set("NotOnOrAfter", at(minutes=-20))


def _early(root):
    root.find(f".//{SAML}Conditions").set("NotBefore", at(minutes=20))


def _to_nobody(root):
    """Started at the provider: nobody here asked."""
    del root.attrib["InResponseTo"]
    del data(root).attrib["InResponseTo"]


def _audience(root):
    root.find(f".//{SAML}Audience").text = "https://other.example/metadata"


def _issuer(root):
    for issuer in root.iter(f"{SAML}Issuer"):
        issuer.text = "https://evil.example/metadata"


@pytest.mark.usefixtures("mapped")
@pytest.mark.parametrize(
    ("bend", "why"),
    [
        pytest.param(_audience, "is not a valid audience", id="audience"),
        pytest.param(_without_conditions, "names no audience", id="no audience"),
        pytest.param(_issuer, "Invalid issuer", id="issuer"),
        pytest.param(_late, "expired", id="conditions over"),
        pytest.param(_confirmed_late, "valid SubjectConfirmation", id="confirmation over"),
        pytest.param(_early, "not yet valid", id="not yet"),
        pytest.param(lambda root: data(root).attrib.pop("NotOnOrAfter"), "has no end", id="no end"),
        pytest.param(
            lambda root: data(root).set("Recipient", f"{HERE}{ACS}?x"),
            "the recipient is",
            id="recipient",
        ),
        pytest.param(
            lambda root: data(root).attrib.pop("Recipient"), "the recipient is", id="no recipient"
        ),
        pytest.param(
            lambda root: root.set("Destination", "https://other.example/acs/"),
            "The response was received at",
            id="destination",
        ),
        pytest.param(_to_nobody, "answers no request", id="answers no request"),
        pytest.param(
            lambda root: data(root).set("InResponseTo", "id-of-another"),
            "valid SubjectConfirmation",
            id="another request",
        ),
    ],
)
def test_a_signed_answer_that_is_not_for_us_now_signs_nobody_in(client, idp, bend, why, caplog):
    idp.bend = bend
    assert is_refused(client, sign_in(client))
    assert why in caplog.text


def _other_name(root):
    root.find(f".//{SAML}NameID").text = "u-of-the-administrator"


def _more_groups(root):
    value = root.find(f".//{SAML}Attribute[@Name='groups']/{SAML}AttributeValue")
    value.text = "auditors"


def _comment_in_name(root):
    name = root.find(f".//{SAML}NameID")
    start = "boss@example.com"
    rest, name.text = name.text.removeprefix(start), start
    name.append(etree.Comment("x"))
    name[0].tail = rest


def _signature_moved(root):
    """Wrapping: the signed assertion is still there, beside one of the attacker."""
    signed = root.find(f"{SAML}Assertion")
    forged = etree.fromstring(etree.tostring(signed))
    forged.remove(forged.find(f"{DSIG}Signature"))
    forged.set("ID", "id-forged")
    forged.find(f".//{SAML}NameID").text = "u-of-the-administrator"
    root.insert(list(root).index(signed), forged)


def _signed_hidden(root):
    """Wrapping: the signed assertion is hidden in the signature of the forged one."""
    signed = root.find(f"{SAML}Assertion")
    forged = etree.fromstring(etree.tostring(signed))
    forged.set("ID", "id-forged")
    forged.find(f".//{SAML}NameID").text = "u-of-the-administrator"
    hidden = etree.SubElement(forged.find(f"{DSIG}Signature"), f"{DSIG}Object")
    root.replace(signed, forged)
    hidden.append(signed)


def _unsigned(root):
    assertion = root.find(f"{SAML}Assertion")
    assertion.remove(assertion.find(f"{DSIG}Signature"))


@pytest.mark.usefixtures("mapped")
@pytest.mark.parametrize(
    ("tamper", "why"),
    [
        (_other_name, "Signature validation failed"),
        (_more_groups, "Signature validation failed"),
        (_signature_moved, "must contain 1 assertion"),
        (_signed_hidden, "must contain 1 assertion"),
        (_unsigned, "is not signed"),
    ],
)
def test_an_answer_that_was_changed_on_the_way_signs_nobody_in(client, idp, tamper, why, caplog):
    idp.tamper = tamper
    assert is_refused(client, sign_in(client))
    assert why in caplog.text


@pytest.mark.usefixtures("mapped")
def test_a_comment_in_a_name_does_not_cut_it_short(client, idp):
    """It changes nothing of the signature; who reads up to it alone reads another person's name."""
    idp.person.subject = "boss@example.com.evil.example"
    idp.tamper = _comment_in_name
    sign_in(client)
    assert SocialAccount.objects.get().uid == "boss@example.com.evil.example"


@pytest.mark.usefixtures("mapped")
def test_an_answer_signed_by_somebody_else_signs_nobody_in(client, idp, other_key, caplog):
    idp.key = other_key
    assert is_refused(client, sign_in(client))
    assert "Signature validation failed" in caplog.text


@pytest.mark.usefixtures("mapped")
def test_a_signature_by_sha_1_or_with_a_computation_signs_nobody_in(client, idp, key, caplog):
    def weak(root):
        key.sign(root.find(f"{SAML}Assertion"), method=xmlsec.Transform.RSA_SHA1)

    def computed(root):
        key.sign(root.find(f"{SAML}Assertion"))
        transform = root.findall(f".//{DSIG}Transform")[1]
        transform.set("Algorithm", "http://www.w3.org/TR/1999/REC-xslt-19991116")

    idp.key = None
    for tamper, why in ((weak, "Deprecated"), (computed, "asks for 'http://www.w3.org/TR/1999")):
        idp.tamper = tamper
        caplog.clear()
        assert is_refused(client, sign_in(client))
        assert why in caplog.text


@pytest.mark.usefixtures("mapped")
def test_a_name_that_changes_each_time_is_no_subject(client, idp):
    idp.person.name_format = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"
    assert is_refused(client, sign_in(client))


@pytest.mark.usefixtures("mapped")
def test_an_assertion_is_good_once(client, idp):
    fields = consent(leave(client))
    assert come_back(client, fields)["Location"] == "/"
    again = come_back(client, fields)
    assert again["Location"] == SIGN_IN
    # Neither in this browser nor in another, even one that were to know of the request.
    other = Client()
    assert come_back(other, fields)["Location"] == SIGN_IN
    assert not is_signed_in(other)


@pytest.mark.usefixtures("mapped")
def test_an_assertion_is_good_once_even_where_the_request_is_remembered(client, idp, caplog):
    fields = consent(leave(client))
    session = client.session
    remembered = dict(session["socialaccount_states"])
    assert come_back(client, fields)["Location"] == "/"
    session = client.session
    session["socialaccount_states"] = remembered
    session.save()
    assert come_back(client, fields)["Location"] == SIGN_IN
    assert "was used before" in caplog.text


@pytest.mark.usefixtures("mapped")
def test_an_answer_is_good_in_the_browser_alone_that_asked_for_it(client, idp):
    fields = consent(leave(client))
    victim = Client()
    victim.get(START)
    assert is_refused(victim, come_back(victim, fields))


@pytest.mark.usefixtures("mapped")
def test_a_request_is_forgotten_after_ten_minutes(client, idp):
    idp.lifetime_minutes = 60
    with time_machine.travel(now(), tick=True) as clock:
        fields = consent(leave(client))
        clock.shift(timedelta(minutes=11))
        assert is_refused(client, come_back(client, fields))


ENTITIES = """<?xml version="1.0"?><!DOCTYPE r [<!ENTITY a "aaaaaaaaaa">
<!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]><r>&b;</r>"""
OUTSIDE = (
    """<?xml version="1.0"?><!DOCTYPE r [<!ENTITY f SYSTEM "file:///etc/passwd">]><r>&f;</r>"""
)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="nothing"),
        pytest.param("%%%", id="no base64"),
        pytest.param(base64.b64encode(b"\xff\x00\xfe").decode(), id="no text"),
        pytest.param(base64.b64encode(b"<a><b></a>").decode(), id="no XML"),
        pytest.param(base64.b64encode(b"<a/>").decode(), id="no answer"),
        pytest.param(base64.b64encode(ENTITIES.encode()).decode(), id="entities"),
        pytest.param(base64.b64encode(OUTSIDE.encode()).decode(), id="a file"),
        pytest.param(base64.b64encode(b"<a>" * 90_000).decode(), id="deep"),
        pytest.param("A" * 600_000, id="long"),
    ],
)
def test_what_is_no_answer_is_refused_and_kept_nowhere(client, idp, text, caplog):
    answer = client.post(ACS, {"SAMLResponse": text})
    assert answer.status_code == 302
    assert answer["Location"] == SIGN_IN
    assert not Session.objects.exists()
    assert "root:" not in caplog.text


def test_the_audit_log_is_told_of_failures_but_cannot_be_flooded_by_them(client, idp):
    for _ in range(12):
        client.post(ACS, {"SAMLResponse": "x"})
    rows = entries(event="sign_in_failed")
    assert len(rows) == 10
    assert rows[0].details["provider"] == "saml"


@pytest.mark.parametrize(
    ("certificate", "found"),
    [
        ("MIIC", ["posture.E020"]),
        ("", []),
        (saml_idp.Key(days=29).certificate, ["posture.W020"]),
        (saml_idp.Key(days=29).certificate + saml_idp.Key(days=90).certificate, []),
    ],
    ids=["none", "off", "soon over", "with the next"],
)
def test_a_certificate_that_is_none_or_is_over_soon_is_found_at_the_start(
    settings, monkeypatch, certificate, found
):
    if certificate:
        monkeypatch.setenv("POSTURE_SAML_ENTITY_ID", "https://idp.example.com")
        monkeypatch.setenv("POSTURE_SAML_SIGN_IN_URL", "https://idp.example.com/sso")
        monkeypatch.setenv("POSTURE_SAML_CERTIFICATE", certificate)
    settings.SOCIALACCOUNT_PROVIDERS = env.identity_providers()
    assert [one.id for one in system_checks.saml_certificates()] == found


def test_letting_everybody_in_is_warned_of(settings, idp):
    assert system_checks.people_without_group() == []
    settings.POSTURE_PROVIDER_WITHOUT_GROUP = "allow"
    assert [one.id for one in system_checks.people_without_group()] == ["posture.W021"]


def test_finishing_without_an_answer_is_refused(client, idp):
    assert client.get(FINISH)["Location"] == SIGN_IN


def test_the_request_names_us_by_the_settings_whatever_the_host_header_says(client, idp, settings):
    settings.ALLOWED_HOSTS = ["*"]
    answer = client.get(START, headers={"host": "evil.example"})
    sent = parse_qs(urlsplit(answer["Location"]).query)["SAMLRequest"][0]
    request = idp._made().parse_authn_request(
        sent, "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"
    )
    assert request.message.assertion_consumer_service_url == f"{HERE}{ACS}"
