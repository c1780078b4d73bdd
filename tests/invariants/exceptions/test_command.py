"""Exceptions from the terminal: the guards of the pages, and a name beside that of the shell."""

import getpass
import json

import pytest
from django.conf import settings as installed
from django.core.management import CommandError, call_command

from invariants.models import ExceptionRequest
from invariants.queries.exceptions.record import digest_of
from tests.invariants.exceptions import world as worlds
from tests.invariants.exceptions.world import LINK, WHY, fresh

pytestmark = pytest.mark.django_db


@pytest.fixture
def world(time_machine):
    found = worlds.build()
    time_machine.move_to(found.now, tick=False)
    return found


@pytest.fixture
def run(world, capsys, monkeypatch):
    def ran(what, *words, by, shell=""):
        monkeypatch.setattr(getpass, "getuser", lambda: shell or f"shell-of-{by}")
        call_command("exception", what, *words, "--as", world.people[by].username)
        return capsys.readouterr().out

    return ran


def test_from_a_draft_to_in_place(world, run):
    ref = world.drafted().ref
    assert run("submit", ref, by="requester") == f"{ref} is submitted.\n"
    run("triage", ref, by="assessor")
    risks = ("--inherent", "medium", "--residual", "low", "--why", WHY)
    run("assess", ref, *risks, by="assessor")
    run("approve", ref, "--until", "2026-12-24", by="lead")
    run("implement", ref, "--pull-request", LINK, by="implementer")
    request = ExceptionRequest.objects.get()
    assert (request.state, request.until.isoformat()) == ("IMPLEMENTING", "2026-12-24")
    last = request.events.order_by("-number").first()
    assert (last.via, last.after["operator"]) == ("COMMAND", "shell-of-implementer")
    assert last.who_id == str(world.people["implementer"].pk)


def test_the_guards_say_no_here_as_well(world, run):
    request = world.submitted()
    for verb, by in (("approve", "lead"), ("triage", "requester"), ("implement", "implementer")):
        with pytest.raises(CommandError):
            run(verb, request.ref, by=by)
    with pytest.raises(CommandError, match="Write why"):
        run("reject", request.ref, "--why", "no", by="assessor")
    with pytest.raises(CommandError, match="sees no request EX-9999"):
        run("show", "EX-9999", by="lead")
    with pytest.raises(CommandError, match="Nobody who can sign in is called nobody"):
        call_command("exception", "list", "--as", "nobody")
    assert fresh(request).state == "SUBMITTED"


def test_a_shell_is_one_person_on_a_record(world, run):
    request, other = world.assessed(), world.assessed()
    run("approve", request.ref, by="lead", shell="root")
    with pytest.raises(CommandError, match="root of this shell has acted on it as"):
        run("implement", request.ref, "--pull-request", LINK, by="implementer", shell="root")
    assert fresh(request).state == "APPROVED"
    run("approve", other.ref, by="lead", shell="root")
    run("implement", other.ref, "--pull-request", LINK, by="implementer", shell="mara")


def test_lists_and_shows_what_the_person_sees(world, run):
    request, draft = world.submitted(), world.drafted()
    listed = run("list", by="assessor")
    assert request.ref in listed
    assert draft.ref not in listed
    assert draft.ref in run("list", by="requester")
    assert run("list", "--waiting", by="implementer") == ""
    shown = run("show", request.ref, by="assessor")
    assert "can do: triage" in shown
    assert f"account {world.account.account_id}" in shown
    record = json.loads(run("show", request.ref, "--json", by="ciso"))
    assert record["sha256"] == digest_of(record)


def test_the_administration_of_django_is_not_installed():
    assert "django.contrib.admin" not in installed.INSTALLED_APPS
