"""The form of a request: what it knows, what it keeps, and what it says where something is missing."""

import time
from datetime import UTC, datetime, timedelta

import pytest
from django.urls import reverse

from invariants.actions import exceptions as actions
from invariants.actions.exceptions import RiskView
from invariants.models import Denial, DenialDay, DenialServes, ExceptionRequest, TrailFeed
from invariants.models.exceptions import Risk
from invariants.queries import exceptions as queries
from invariants.queries.exceptions import blast, entry, expectations, mine, next_steps
from tests import factories
from tests.fixtures import invariant_pages
from tests.invariants.exceptions import world as worlds
from tests.invariants.exceptions.world import WHY

pytestmark = pytest.mark.django_db
SENT = {"send": "1"}


@pytest.fixture
def world():
    return worlds.build()


@pytest.fixture
def finding(world):
    return factories.finding(
        account=world.account, control=world.control, resource_id="arn:aws:s3:::curated-exports"
    )


def opened(client, person, query):
    """The form as the page has it, and what it would send."""
    client.force_login(person)
    answer = client.get(f"{reverse('exceptions:new')}?{query}")
    assert answer.status_code == 200, answer.content
    form = answer.context["form"]
    values = {name: form[name].value() or "" for name in form.fields}
    values |= {"lasts": form.chosen, "sheet": answer.context["sheet"], "seen": "0"}
    values.pop("is_emergency")
    return answer, values


def send(client, query, values, **headers):
    return client.post(f"{reverse('exceptions:new')}?{query}", values, headers=headers or None)


SAID = {
    "justification": "The partner reads the export bucket every night.",
    "reason": "VENDOR",
    "remediation_plan": "The partner moves in January.",
}


def test_from_a_finding_two_sentences_and_a_reason_are_enough(client, world, finding):
    query = f"finding={finding.pk}"
    answer, values = opened(client, world.people["requester"], query)
    assert ExceptionRequest.objects.count() == 0
    assert answer.context["view"].blast.findings == 1
    done = send(client, query, values | SAID | SENT)
    request = ExceptionRequest.objects.get()
    assert done.status_code == 302
    assert done.url == reverse("exceptions:detail", args=[request.ref])
    assert (request.state, request.mechanism, request.target_kind) == (
        "SUBMITTED",
        "NONE",
        "FINDING",
    )
    lines = set(request.scope.values_list("kind", "value"))
    assert lines == {
        ("ACCOUNT", world.account.account_id),
        ("RESOURCE", "arn:aws:s3:::curated-exports"),
    }
    assert request.business_owner == world.people["owner"].get_full_name()
    assert request.asked_until - request.starts_on == timedelta(days=89)
    assert entry.filled_in(request) is not None


def test_each_thing_that_is_missing_is_named_with_what_to_write(client, world, finding):
    query = f"finding={finding.pk}"
    _, values = opened(client, world.people["requester"], query)
    wrong = {
        "business_owner": "",
        "principals": "arn:aws:iam::300000000001:role/*\nlake-deployer",
        "actions": "s3:*",
        "patterns": "*",
        "accounts": f"{world.account.account_id}\n999999999999",
        "lasts": "other",
        "asked_until": "2020-01-01",
    }
    answer = send(client, query, values | wrong | SENT)
    assert answer.status_code == 422
    errors = {name: " ".join(said) for name, said in answer.context["form"].errors.items()}
    assert "wildcard" in errors["principals"]
    assert "lake-deployer is no ARN" in errors["principals"]
    assert "whole service" in errors["actions"]
    assert "cover everything" in errors["patterns"]
    assert "You see no account 999999999999" in errors["accounts"]
    assert "choose a later day" in errors["asked_until"]
    assert {"justification", "reason", "remediation_plan", "business_owner"} <= set(errors)
    html = answer.content.decode()
    assert "arn:aws:iam::300000000001:role/*" in html
    request = ExceptionRequest.objects.get()
    assert request.state == "DRAFT"
    # What can be kept of it is: a place that is somebody else's is not.
    assert set(request.scope.filter(kind="ACCOUNT").values_list("value", flat=True)) == {
        world.account.account_id
    }
    assert request.scope.filter(kind="PRINCIPAL").count() == 2


def test_a_form_that_is_sent_twice_is_one_request(client, world, finding):
    query = f"finding={finding.pk}"
    _, values = opened(client, world.people["requester"], query)
    first = send(client, query, values | {"justification": "Half a"}, **HTMX)
    assert first.status_code == 200
    number = first.context["seen"]
    second = send(client, query, values | SAID | {"seen": number}, **HTMX)
    assert first["HX-Replace-Url"] == second["HX-Replace-Url"]
    sent = send(client, query, values | SAID | SENT | {"seen": second.context["seen"]})
    again = send(client, query, values | SAID | SENT | {"seen": second.context["seen"]})
    assert sent.url == again.url
    request = ExceptionRequest.objects.get()
    assert request.state == "SUBMITTED"
    assert request.justification == SAID["justification"]
    assert request.events.filter(verb="SUBMIT").count() == 1


HTMX = {"HX-Request": "true", "HX-Target": "ask-kept"}


def test_an_older_window_keeps_its_text_and_writes_nothing(client, world, finding):
    query = f"finding={finding.pk}"
    _, values = opened(client, world.people["requester"], query)
    newer = send(client, query, values | {"justification": "The newer one."}, **HTMX)
    old = send(client, query, values | {"justification": "The older one.", "seen": "0"}, **HTMX)
    assert old.status_code == 200
    assert "written in another window" in old.content.decode()
    assert "HX-Replace-Url" not in old
    request = ExceptionRequest.objects.get()
    assert request.justification == "The newer one."
    over = {"justification": "The older one.", "seen": "0", "overwrite": "1"}
    send(client, query, values | over, **HTMX)
    request.refresh_from_db()
    assert request.justification == "The older one."
    assert newer.context["seen"] > 0


def test_keeping_what_stands_here_brings_the_whole_form_back(client, world, finding):
    query = f"finding={finding.pk}"
    _, values = opened(client, world.people["requester"], query)
    send(client, query, values | {"justification": "The newer one."}, **HTMX)
    here = {"justification": "The older one.", "seen": "0"}
    in_form = HTMX | {"HX-Target": "ask"}
    refused = send(client, query, values | here | SENT, **in_form)
    assert refused.status_code == 422
    assert 'name="overwrite"' in refused.content.decode()
    kept = send(client, query, values | here | {"overwrite": "1"}, **in_form)
    assert 'id="ask"' in kept.content.decode()
    assert "Not sent yet" not in kept.content.decode()
    assert ExceptionRequest.objects.get().justification == "The older one."


@pytest.mark.parametrize(
    ("name", "typed", "said"),
    [
        ("resources", "arn:aws:s3:::\0hidden", "Null characters"),
        ("accounts", "\0", "Null characters"),
        ("resources", "x" * 5000, "too long"),
        ("controls", "S3.999", "There is no control S3.999"),
        ("starts_on", "9999-12-31", "look at the year"),
        ("asked_until", "0001-01-01", "look at the year"),
    ],
)
def test_what_cannot_be_kept_is_said_and_the_rest_is_kept(
    client, world, finding, name, typed, said
):
    query = f"finding={finding.pk}"
    _, values = opened(client, world.people["requester"], query)
    answer = send(client, query, values | SAID | {"lasts": "other", name: typed}, **HTMX)
    assert answer.status_code == 200
    assert said in " ".join(answer.context["form"].errors[name])
    request = ExceptionRequest.objects.get()
    assert request.justification == SAID["justification"]
    again = client.get(reverse("exceptions:edit", args=[request.ref]))
    assert again.status_code == 200


def test_the_day_that_is_typed_is_kept_beyond_the_limit(client, world, finding):
    world.control.severity = "CRITICAL"
    world.control.save()
    finding.severity = "CRITICAL"
    finding.save()
    query = f"finding={finding.pk}"
    answer, values = opened(client, world.people["requester"], query)
    assert [term.days for term in answer.context["form"].terms] == [7, 30]
    starts_on = answer.context["form"].known.starts_on
    typed = {"lasts": "other", "asked_until": (starts_on + timedelta(days=99)).isoformat()}
    kept = send(client, query, values | SAID | typed, **HTMX)
    assert kept.context["view"].is_cut
    assert kept.context["view"].limit == starts_on + timedelta(days=29)
    assert "is kept, for a renewal" in kept.content.decode()
    assert ExceptionRequest.objects.get().asked_until == starts_on + timedelta(days=99)


def test_nobody_asks_from_what_they_do_not_see(client, world, finding):
    foreign = factories.account(ou=factories.ou(name="Elsewhere"))
    hidden = factories.finding(account=foreign, control=world.control)
    client.force_login(world.people["requester"])
    new = reverse("exceptions:new")
    for query in (
        f"finding={hidden.pk}",
        f"account={foreign.account_id}",
        "finding=x",
        "finding=99999999999999999999",
        "denial=4711",
        "invariant=no-such-thing",
        "control=No.1",
    ):
        assert client.get(f"{new}?{query}").status_code == 404, query
    client.force_login(world.people["executive"])
    assert client.get(f"{new}?finding={finding.pk}").status_code == 403
    assert client.post(f"{new}?finding={finding.pk}", {}).status_code == 403
    assert ExceptionRequest.objects.count() == 0


def test_only_who_asked_writes_in_it(client, world):
    draft, sent = world.drafted(), world.submitted()
    client.force_login(world.people["colleague"])
    assert client.get(reverse("exceptions:edit", args=[draft.ref])).status_code == 404
    assert client.get(reverse("exceptions:blast", args=[draft.ref])).status_code == 404
    assert client.get(reverse("exceptions:edit", args=[sent.ref])).status_code == 302
    assert client.post(reverse("exceptions:save", args=[sent.ref]), {}).status_code == 403
    assert client.get(reverse("exceptions:blast", args=[sent.ref])).status_code == 200
    client.force_login(world.people["requester"])
    assert client.get(reverse("exceptions:edit", args=[draft.ref])).status_code == 200
    assert client.get(reverse("exceptions:edit", args=[sent.ref])).status_code == 302


def test_from_a_denied_call_the_form_knows_who_and_what(client, world):
    invariant = served(world)
    denial = Denial.objects.get()
    answer, values = opened(client, world.people["requester"], f"denial={denial.pk}")
    assert values["principals"] == ROLE
    assert values["actions"] == "s3:PutBucketPolicy"
    assert values["mechanism"] == "PRINCIPAL_LIST"
    refused = answer.context["view"].blast.refused
    assert (refused.principals, refused.actions, refused.calls) == (1, 1, 7)
    assert "AccessDenied" in answer.content.decode()
    done = send(client, f"denial={denial.pk}", values | SAID | SENT)
    assert done.status_code == 302, done.context["form"].errors
    request = ExceptionRequest.objects.get()
    assert (request.invariant, request.target_kind) == (invariant, "INVARIANT")
    assert set(request.scope.values_list("kind", "value")) == {
        ("ACCOUNT", world.account.account_id),
        ("PRINCIPAL", ROLE),
        ("ACTION", "s3:PutBucketPolicy"),
    }


ROLE = "arn:aws:iam::300000000001:role/lake-deployer"


def served(world, *, with_feed=True):
    """A role that was refused a call seven times by an invariant, as far as something records it."""
    invariant = invariant_pages.invariant()
    policy = invariant_pages.attached(invariant, world.account.ou)
    now = datetime.fromtimestamp(time.time(), tz=UTC)
    denial = Denial.objects.create(
        organization=world.account.organization, policy_type=invariant.type, policy=policy,
        is_explicit=True, account=world.account, aws_account_id=world.account.account_id,
        principal=ROLE, action="s3:PutBucketPolicy", first_at=now, last_at=now,
    )  # fmt: skip
    DenialDay.objects.create(denial=denial, day=now.date(), count=7)
    DenialServes.objects.create(denial=denial, invariant=invariant, is_certain=True)
    if with_feed:
        TrailFeed.objects.create(
            organization=world.account.organization, kind="QUEUE",
            first_event_at=now - timedelta(days=40), last_event_at=now, taken_at=now,
        )  # fmt: skip
    return invariant


def test_a_finding_alone_is_where_it_is(world, finding):
    request = actions.draft(world.by("requester"), finding, now=world.now)
    found = blast.radius(world.people["lead"], request, now=world.now)
    assert (found.findings, found.accounts) == (1, (world.account,))


def test_where_no_account_is_named_nothing_is_said_to_be_harmless(client, world):
    invariant = served(world)
    answer, _ = opened(client, world.people["requester"], f"invariant={invariant.key}")
    text = answer.content.decode()
    assert "Nothing was counted: it reaches no account that is named" in text
    assert "It would not move" not in text
    assert "was refused since" not in text


def test_principals_that_carry_a_tag_are_asked_for_in_plain_words(client, world):
    invariant = served(world)
    query = f"invariant={invariant.key}&account={world.account.account_id}"
    answer, values = opened(client, world.people["requester"], query)
    assert "Whoever may set the tag is exempt" in answer.content.decode()
    values |= SAID | {"mechanism": "TAG", "tags": "", "principal_tags": "aws:team=lake"}
    # Which version it was is not what is looked at here.
    del values["seen"]
    answer = send(client, query, values | SENT)
    errors = answer.context["form"].errors
    assert errors["principal_tags"] == [
        "aws:team=lake begins with aws:, which only AWS sets: name a tag of your own."
    ]
    # Not kept, and not lost: it stands in the form as it was typed.
    request = ExceptionRequest.objects.get()
    assert not request.scope.filter(kind="PRINCIPAL_TAG").exists()
    assert answer.context["form"]["principal_tags"].value() == "aws:team=lake"
    save = reverse("exceptions:save", args=[request.ref])
    kept = client.post(save, values | {"principal_tags": "team=lake curated"})
    assert kept.status_code == 200, kept.context["notice"]
    refused = kept.context["view"].blast.refused
    assert (refused.is_by_tag, refused.principals, refused.calls) == (True, 1, 7)
    assert "Unknown whom of these" in " ".join(kept.content.decode().split())
    again = client.get(reverse("exceptions:edit", args=[request.ref]))
    assert again.context["form"]["principal_tags"].value() == "team=lake curated"
    empty = client.post(save, values | {"principal_tags": ""} | SENT)
    assert "of resources or of principals" in empty.context["form"].errors["tags"][0]
    other = {"principal_tags": "team=lake", "mechanism": "VALUE_LIST"}
    answer = client.post(save, values | other | SENT)
    assert "holds no principals" in answer.context["form"].errors["principal_tags"][0]
    done = client.post(save, values | {"principal_tags": "team=lake"} | SENT)
    assert done.status_code == 302, done.context["form"].errors
    page = client.get(reverse("exceptions:detail", args=[request.ref])).content.decode()
    assert "Exempts whoever carries the tag team=lake" in page
    assert "Only as good as the protection of the tag" in page


def test_where_nothing_records_denials_it_is_unknown_what_would_get_through(client, world):
    invariant = served(world, with_feed=False)
    query = f"invariant={invariant.key}&account={world.account.account_id}"
    answer, _ = opened(client, world.people["requester"], query)
    assert not answer.context["view"].blast.refused.is_known
    assert "Unknown: nothing records denials" in answer.content.decode()


def test_what_one_may_ask_from_is_offered(client, world, finding):
    factories.count_findings()
    served(world)
    client.force_login(world.people["requester"])
    page = client.get(reverse("exceptions:new"))
    chosen = page.context["chosen"]
    assert [one.control_id for one in chosen.controls] == [world.control.control_id]
    assert [one.principal for one in chosen.denials] == [ROLE]
    for query in (f"?account={world.account.account_id}", ""):
        assert client.get(f"{reverse('exceptions:new')}{query}").status_code == 200


def test_promises_give_way_to_what_it_took_of_late(world):
    organization = world.account.organization
    asked = {"severity": "LOW", "has_policy": True, "now": world.now}
    promised = expectations.expectations(organization, **asked)
    assert [stage.when for stage in promised.stages][1:4] == [
        "within 1 business day",
        "within 3 business days",
        "within 2 business days",
    ]
    for _ in range(expectations.LEAST):
        request = world.submitted()
        world.later(hours=2)
        actions.triage(world.by("assessor"), request.pk, now=world.now)
        world.later(hours=4)
        view = RiskView(Risk.LOW, Risk.LOW, WHY)
        actions.assess(world.by("assessor"), request.pk, view, now=world.now)
        actions.approve(world.by("lead"), request.pk, now=world.now)
    took = expectations.expectations(organization, **asked | {"now": world.now})
    assert [stage.when for stage in took.stages][1:4] == [
        "median 2 h",
        "median 4 h",
        "within 2 business days",
    ]
    assert took.answer == "typical answer: 6 h"


def test_ones_own_requests_say_who_holds_them_and_what_to_do(
    client, world, django_assert_max_num_queries
):
    draft, sent, active = world.drafted(), world.submitted(), world.active()
    refused = actions.reject(world.by("assessor"), world.submitted().pk, why=WHY, now=world.now)
    rows = mine.of(world.people["requester"], now=world.now)
    found = {one.ref: one for one in (*rows.open, *rows.ended)}
    assert rows.open[0].ref == draft.ref
    assert found[draft.ref].holder == "you"
    assert found[draft.ref].edit_url
    assert found[sent.ref].holder == "security, triage"
    assert world.people["assessor"].get_full_name() in found[sent.ref].people
    assert found[sent.ref].due_at is not None
    assert found[active.ref].can_renew
    assert found[active.ref].can_give_back
    assert found[refused.ref].why == WHY
    assert mine.of(world.people["colleague"], now=world.now).open == ()
    client.force_login(world.people["requester"])
    page = client.get(reverse("exceptions:mine"))
    assert page.status_code == 200
    with django_assert_max_num_queries(8):
        mine.of(world.people["requester"], now=world.now)
    back = client.post(reverse("exceptions:step", args=[active.ref, "revoke"]), {"comment": WHY})
    assert back.status_code == 302
    active.refresh_from_db()
    assert active.state == "REVOKED"


def test_ones_own_requests_name_who_is_waited_for_as_the_page_does(world):
    alone = world.approved(mechanism="NONE")
    both = world.assessed(risk="MEDIUM")
    person = world.people["requester"]

    def mine_of(request):
        return next(one for one in mine.of(person, now=world.now).open if one.ref == request.ref)

    assert mine_of(alone).holder == "the next collection"
    assert mine_of(both).holder == "security lead and owner of the system"
    assert mine_of(both).people == ""
    actions.approve(world.by("lead"), both.pk, now=world.now)
    assert mine_of(both).holder == "owner of the system"
    # What cannot be renewed a third time, or is being renewed, nobody is told to renew.
    for renewal, is_renewed in ((2, False), (0, True)):
        last = ExceptionRequest(state="EXPIRING", renewal=renewal)
        words = next_steps.words_of(last, (), is_renewed=is_renewed)
        assert words.holder == "nobody"
        assert "Renew it" not in words.next_step


def test_what_can_be_done_from_the_list_is_what_the_table_of_steps_allows(world):
    requests = [
        world.drafted(),
        world.submitted(),
        world.assessed(),
        world.approved(),
        world.active(),
    ]
    person = world.people["requester"]
    rows = {one.ref: one for one in mine.of(person, now=world.now).open}
    for request in requests:
        verbs = queries.verbs_for(person, worlds.fresh(request), now=world.now)
        row = rows[request.ref]
        assert row.can_withdraw == ("WITHDRAW" in verbs), request.state
        assert row.can_give_back == ("REVOKE" in verbs), request.state


def test_what_came_back_says_what_to_mend_and_is_sent_again(client, world):
    request = world.submitted(mechanism="NONE")
    why = "Which bucket is it? Name it."
    actions.request_changes(world.by("assessor"), request.pk, why=why, now=world.now)
    client.force_login(world.people["requester"])
    answer = client.get(reverse("exceptions:edit", args=[request.ref]))
    assert why in answer.content.decode()
    form = answer.context["form"]
    values = {name: form[name].value() or "" for name in form.fields}
    values |= {"resources": "arn:aws:s3:::curated", "lasts": "30", "seen": answer.context["seen"]}
    values.pop("is_emergency")
    save = reverse("exceptions:save", args=[request.ref])
    assert client.post(save, values | SENT).status_code == 302
    request.refresh_from_db()
    assert (request.state, request.round) == ("SUBMITTED", 2)
    assert request.scope.filter(kind="RESOURCE", value="arn:aws:s3:::curated").exists()


def test_every_page_offers_the_way_to_those_who_may_ask(client, world, finding):
    factories.write_words()
    invariant = served(world)
    pages = {
        reverse("findings:detail", args=[finding.pk]): f"finding={finding.pk}",
        reverse("findings:control", args=[world.control.control_id]): "control=",
        reverse("invariants:detail", args=[invariant.key]): f"invariant={invariant.key}",
        reverse("posture:account", args=[world.account.account_id]): "account=",
        reverse("invariants:denials"): f"denial={Denial.objects.get().pk}",
    }
    for path, query in pages.items():
        for name, offered in (("requester", True), ("executive", False)):
            client.force_login(world.people[name])
            answer = client.get(path)
            link = f"{reverse('exceptions:new')}?{query}"
            if answer.status_code == 200:
                assert (link in answer.content.decode()) == offered, (path, name)
            else:
                assert (answer.status_code, offered) == (403, False), (path, name)
