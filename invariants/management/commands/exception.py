"""Exceptions from the terminal: read, and every step, under the guards of the pages."""

import getpass
import json
from argparse import ArgumentParser
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any, Final

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from invariants.actions import exceptions as actions
from invariants.actions.exceptions import By, RiskView
from invariants.models import ExceptionRequest
from invariants.models.exceptions import ExceptionState, Risk, Via
from invariants.policies.exceptions import NotAllowed
from invariants.queries import exceptions as queries
from invariants.queries.exceptions import listing
from invariants.queries.exceptions.finding import by_ref
from invariants.queries.exceptions.listing import Filters
from invariants.queries.exceptions.record import record_of

_Act = Callable[[By, int, Mapping[str, Any], datetime], ExceptionRequest]


def _assess(by: By, pk: int, said: Mapping[str, Any], now: datetime) -> ExceptionRequest:
    view = RiskView(Risk(said["inherent"]), Risk(said["residual"]), said["why"])
    return actions.assess(by, pk, view, now=now)


def _plainly(action: Callable[..., ExceptionRequest], *names: str) -> _Act:
    def act(by: By, pk: int, said: Mapping[str, Any], now: datetime) -> ExceptionRequest:
        return action(by, pk, **{name: said[name] for name in names}, now=now)

    return act


# By the verb: what it is for, what does it.
_VERBS: Final[Mapping[str, tuple[str, _Act]]] = {
    "submit": ("send it for review", _plainly(actions.submit)),
    "withdraw": ("take it back", _plainly(actions.withdraw, "why")),
    "triage": ("take it up for review", _plainly(actions.triage)),
    "assess": ("say how high its risk is", _assess),
    "approve": ("approve it", _plainly(actions.approve, "until", "comment")),
    "grant": ("let an emergency go ahead", _plainly(actions.grant, "why")),
    "reject": ("say no", _plainly(actions.reject, "why")),
    "request-changes": ("send it back", _plainly(actions.request_changes, "why")),
    "implement": ("say that you put it in place", _plainly(actions.implement, "pull_request")),
    "remove": ("say that you take it out again", _plainly(actions.remove, "pull_request")),
    "revoke": ("end it before its time", _plainly(actions.revoke, "why")),
    "renew": ("begin its renewal", _plainly(actions.renew)),
}


class Command(BaseCommand):
    help = "List exceptions, show one with its log, and take any step on it."

    def add_arguments(self, parser: CommandParser) -> None:
        kinds = parser.add_subparsers(dest="what", required=True, metavar="WHAT")
        listed = kinds.add_parser("list", help="list those that a person sees")
        _add_person(listed)
        listed.add_argument("--state", choices=[s.lower() for s in ExceptionState.values])
        listed.add_argument(
            "--waiting", action="store_true", help="only those that they can take further"
        )
        shown = kinds.add_parser("show", help="show one, with everything that happened")
        shown.add_argument("ref", metavar="EX-0001")
        _add_person(shown)
        shown.add_argument("--json", action="store_true", help="the record for an auditor")
        for verb, (words, _) in _VERBS.items():
            step = kinds.add_parser(verb, help=words)
            step.add_argument("ref", metavar="EX-0001")
            _add_person(step)
            _add_said(step, verb)

    def handle(self, **options: Any) -> None:
        user = self._person(options["username"])
        now = timezone.now()
        if options["what"] == "list":
            self._list(user, options, now=now)
            return
        try:
            request = by_ref(user, options["ref"])
        except ExceptionRequest.DoesNotExist:
            raise CommandError(
                f"{user.get_username()} sees no request {options['ref']}: see `exception list`."
            ) from None
        if options["what"] == "show":
            self._show(user, request, as_json=options["json"], now=now)
        else:
            self._step(user, request, options, now=now)

    def _person(self, username: str) -> User:
        user = User.objects.filter(username=username, is_active=True).first()
        if user is None:
            raise CommandError(f"Nobody who can sign in is called {username}.")
        return user

    def _list(self, user: User, options: Mapping[str, Any], *, now: datetime) -> None:
        states = (options["state"].upper(),) if options["state"] else ()
        rows = listing.rows(user, Filters(states=states, waits=options["waiting"]), now=now)
        for row in rows.order_by("-pk").iterator():
            due = f", due {row.due_at:%Y-%m-%d %H:%M} UTC" if row.due_at else ""
            self.stdout.write(f"{row.ref}  {row.get_state_display()}{due}  {row.title}")

    def _show(self, user: User, request: ExceptionRequest, *, as_json: bool, now: datetime) -> None:
        record = record_of(user, request, now=now)
        if as_json:
            self.stdout.write(json.dumps(record, ensure_ascii=False, indent=1))
            return
        verbs = ", ".join(queries.verbs_for(user, request, now=now)).lower() or "nothing"
        self.stdout.write(f"{request.ref}  {request.title}")
        self.stdout.write(f"It is {record['state_name']}; {user.get_username()} can do: {verbs}.")
        for line in record["scope"]:
            self.stdout.write(f"  {line['kind'].lower()} {line['value']}")
        for event in record["events"]:
            note = f": {event['note']}" if event["note"] else ""
            self.stdout.write(
                f"{event['number']:4}  {event['at']}  {event['who_name']} {event['words']}{note}"
            )

    def _step(
        self, user: User, request: ExceptionRequest, said: Mapping[str, Any], *, now: datetime
    ) -> None:
        by = By(user, Via.COMMAND, operator=getpass.getuser())
        act = _VERBS[said["what"]][1]
        try:
            done = act(by, request.pk, said, now)
        except NotAllowed as refused:
            raise CommandError("\n".join(refused.missing)) from None
        except PermissionDenied as refused:
            raise CommandError(str(refused)) from None
        self.stdout.write(f"{done.ref} is {done.get_state_display()}.")


def _add_person(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--as",
        dest="username",
        required=True,
        metavar="USERNAME",
        help="whose rights count, and whose name the log has beside that of this shell's user",
    )


def _add_said(parser: ArgumentParser, verb: str) -> None:
    if verb in ("assess", "grant", "reject", "request-changes", "revoke"):
        parser.add_argument("--why", required=True)
    elif verb == "withdraw":
        parser.add_argument("--why", default="")
    if verb == "assess":
        for name in ("inherent", "residual"):
            parser.add_argument(f"--{name}", required=True, type=str.upper, choices=Risk.values)
    elif verb == "approve":
        parser.add_argument("--until", type=date.fromisoformat, metavar="YYYY-MM-DD")
        parser.add_argument("--comment", default="")
    elif verb in ("implement", "remove"):
        parser.add_argument("--pull-request", default="", metavar="URL")
