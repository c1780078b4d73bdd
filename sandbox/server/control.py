"""The sandbox's own endpoints under `/_sandbox/`: health, stats, clock, faults, and somebody at work in AWS."""

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

from sandbox.access import ANALYST_ROLE, HUB_ROLE, MANAGEMENT_ROLE, MEMBER_ROLE, WRITE_ROLE
from sandbox.faults import BadRule, Faults, read_rules
from sandbox.history.merged import Refused
from sandbox.moments import HOUR, seconds_of
from sandbox.org.policies import PIPELINE
from sandbox.server.errors import Answer
from sandbox.server.event_queue import EventQueue
from sandbox.server.models import Wire, model_of
from sandbox.server.security_hub.findings import edit_of, note
from sandbox.server.stats import Stats
from sandbox.server.world import Moment, World

_MOST_HOURS = 31 * 24


class BadRequest(Exception):
    """The body of a control request cannot be used."""


class Control:
    """Answers control requests; everything is JSON."""

    def __init__(self, world: World, faults: Faults, stats: Stats, events: EventQueue) -> None:
        self._world = world
        self._events = events
        self._faults = faults
        self._stats = stats
        self._routes: dict[tuple[str, str], Callable[[Wire], Any]] = {
            ("GET", "health"): self._health,
            ("POST", "workflow"): self._set_workflow,
            ("POST", "denials"): self._send_denials,
            ("POST", "organization"): self._change_organization,
            ("DELETE", "organization"): lambda _: _described(self._world.forget_changes()),
            ("GET", "clock"): lambda _: _described(self._world.moment()),
            ("POST", "clock"): self._set_clock,
            ("GET", "stats"): lambda _: self._counts(),
            ("DELETE", "stats"): self._reset_stats,
            ("GET", "faults"): lambda _: {"rules": self._faults.report()},
            ("PUT", "faults"): self._replace_faults,
            ("POST", "faults"): self._add_faults,
            ("DELETE", "faults"): self._clear_faults,
        }

    def answer(self, wire: Wire) -> Answer:
        """Answer a control request: 404 for an unknown path, 400 for a body that cannot be used."""
        route = self._routes.get((wire.method, wire.path.removeprefix("/_sandbox/").rstrip("/")))
        if route is None:
            return _answer(404, {"error": f"No {wire.method} {wire.path}"})
        try:
            return _answer(200, route(wire))
        except (BadRule, BadRequest) as error:
            return _answer(400, {"error": str(error)})

    def _health(self, wire: Wire) -> dict[str, Any]:
        """Tell what a client has to know before its first call."""
        org = self._world.org
        roles = f"arn:aws:iam::{org.security_account_id}:role/"
        return {
            "status": "ok",
            "organization_id": org.organization_id,
            "organization_name": org.name,
            "home_region": org.home_region,
            "management_account_id": org.management_account_id,
            "security_account_id": org.security_account_id,
            "hub_role_arn": f"{roles}{HUB_ROLE}",
            "write_back_role_arn": f"{roles}{WRITE_ROLE}",
            "event_queue_url": self._events.url(f"http://{wire.headers['host']}"),
            "member_role_name": MEMBER_ROLE,
            "management_role_arn": f"arn:aws:iam::{org.management_account_id}:role/{MANAGEMENT_ROLE}",
            **_described(self._world.moment()),
        }

    def _set_clock(self, wire: Wire) -> dict[str, Any]:
        document = _body(wire)
        text = document.get("now") if isinstance(document, dict) else None
        if text is None and not (isinstance(document, dict) and "now" in document):
            raise BadRequest('The body is {"now": "<ISO 8601 with time zone>"} or {"now": null}')
        return _described(self._world.set_clock(None if text is None else _moment(text)))

    def _set_workflow(self, wire: Wire) -> dict[str, Any]:
        """Do to findings what somebody in the AWS console does; ids that are not there are told."""
        asked = _body(wire)
        ids = asked.get("ids") if isinstance(asked, dict) else None
        status = asked.get("status", "SUPPRESSED") if isinstance(asked, dict) else ""
        allowed = model_of("securityhub").shape_for("WorkflowStatus").metadata["enum"]
        if not isinstance(ids, list) or status not in allowed:
            raise BadRequest(
                'The body is {"ids": ["<finding id>", …], "status": "SUPPRESSED", "note": "…"}'
            )
        moment = self._world.moment()
        found = [row.document for row in moment.findings.rows if row.document["Id"] in set(ids)]
        fields: dict[str, Any] = {"Workflow": {"Status": status}}
        if asked.get("note"):
            fields["Note"] = note({"Text": asked["note"], "UpdatedBy": ANALYST_ROLE}, moment)
        self._world.edit(moment, [edit_of(finding, fields) for finding in found])
        missing = sorted(set(ids) - {finding["Id"] for finding in found})
        return {"changed": len(found), "missing": missing}

    def _change_organization(self, wire: Wire) -> dict[str, Any]:
        """Do in AWS Organizations what somebody else than Parapet does, such as a pipeline that merges."""
        asked = _body(wire)
        operation = asked.get("operation") if isinstance(asked, dict) else None
        params = asked.get("params") if isinstance(asked, dict) else None
        if not isinstance(operation, str) or not isinstance(params, dict):
            raise BadRequest(
                'The body is {"operation": "UpdatePolicy", "params": {…}, "by": "<name>"}'
            )
        try:
            change = self._world.change(operation, params, by=str(asked.get("by") or PIPELINE))
        except Refused as error:
            raise BadRequest(str(error)) from error
        return {"operation": change.name, "by": change.by, "changed": dict(change.params)}

    def _send_denials(self, wire: Wire) -> dict[str, Any]:
        """Put the denied calls of the last hours into the queue again."""
        asked = _body(wire)
        hours = asked.get("hours") if isinstance(asked, dict) else None
        if not isinstance(hours, int) or isinstance(hours, bool) or not 0 < hours <= _MOST_HOURS:
            raise BadRequest(f'The body is {{"hours": <1 to {_MOST_HOURS}>}}')
        now = seconds_of(self._world.moment().now)
        return {"sent": self._events.send_denials(now - hours * HOUR, now)}

    def _counts(self) -> dict[str, Any]:
        calls = self._stats.calls
        return {"calls": calls, "errors": self._stats.errors, "total": sum(calls.values())}

    def _reset_stats(self, _: Wire) -> dict[str, Any]:
        self._stats.reset()
        return self._counts()

    def _replace_faults(self, wire: Wire) -> dict[str, Any]:
        self._faults.replace(read_rules(_body(wire)))
        return {"rules": self._faults.report()}

    def _add_faults(self, wire: Wire) -> dict[str, Any]:
        self._faults.add(*read_rules(_body(wire)))
        return {"rules": self._faults.report()}

    def _clear_faults(self, _: Wire) -> dict[str, Any]:
        self._faults.clear()
        return {"rules": []}


def _described(moment: Moment) -> dict[str, Any]:
    return {
        "now": moment.now.isoformat(),
        "version": moment.version,
        "accounts": len(moment.snapshot.accounts),
        "findings": len(moment.findings.rows),
    }


def _body(wire: Wire) -> Any:
    try:
        return json.loads(wire.body or b"null")
    except ValueError as error:
        raise BadRequest(f"The body is not JSON: {error}") from error


def _moment(text: object) -> datetime:
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError as error:
        raise BadRequest(f"Not an ISO 8601 moment: {text}") from error
    if moment.tzinfo is None:
        raise BadRequest(f"The moment needs a time zone: {text}")
    return moment


def _answer(status: int, document: Any) -> Answer:
    return Answer(status, json.dumps(document).encode(), (("Content-Type", "application/json"),))
