"""From an HTTP request to an answer: who calls, may they, which fault strikes, and who answers."""

import re
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sandbox import access
from sandbox.access import Keyring, Permissions, Principal, RoleTrust
from sandbox.faults import Facts, Faults, Rule
from sandbox.server import paging, sts
from sandbox.server.application import permission
from sandbox.server.application.services import OWN, Services
from sandbox.server.calls import Call
from sandbox.server.control import Control
from sandbox.server.errors import Answer, ApiError, Failure, render, spelled
from sandbox.server.event_queue import EventQueue
from sandbox.server.models import Wire, protocol_of, read_operation
from sandbox.server.moto_side import MotoSide
from sandbox.server.security_hub.edits import Edit
from sandbox.server.signature import Scope, is_signed_by, read_scope
from sandbox.server.stats import Stats
from sandbox.server.world import Moment, World

CONTROL_PREFIX = "/_sandbox/"
_ROLE_ACCOUNT = re.compile(r"arn:aws:iam::(\d{12}):role/")


@dataclass(frozen=True, slots=True)
class Reply:
    """What goes over the wire, and how a fault spoils it."""

    answer: Answer
    is_truncated: bool = False
    is_reset: bool = False
    label: str = ""
    """`service.operation` for the access log."""


@dataclass(slots=True)
class _Request:
    """A request as far as it is understood."""

    wire: Wire
    service: str
    region: str
    protocol: str
    operation: str = ""
    rules: tuple[Rule, ...] = ()

    def struck_by(self, kind: str) -> bool:
        return any(rule.kind == kind for rule in self.rules)


class Application:
    """The sandbox AWS behind its HTTP listener."""

    def __init__(
        self,
        world: World,
        settings: access.Settings,
        permissions: Permissions | None,
        *,
        real_time: Callable[[], datetime],
    ) -> None:
        org = world.org
        self.world = world
        self.faults = Faults()
        self.stats = Stats()
        self.moto = MotoSide()
        self.stopping = threading.Event()
        self.events = EventQueue(org, self.moto, real_time=real_time)
        world.on_change = self._announce
        self._control = Control(world, self.faults, self.stats, self.events)
        self._permissions = permissions
        self._real_time = real_time
        self._keyring = Keyring(access.base_principal(org.security_account_id, settings))
        trust = RoleTrust(org.security_account_id, org.management_account_id, settings.external_id)
        forward = self._forward
        roles = sts.Sts(trust, self._keyring, real_time, forward)
        self._services = Services(roles, forward)

    def reply(self, wire: Wire) -> Reply:
        """Answer one request."""
        if wire.path.startswith(CONTROL_PREFIX):
            return Reply(self._control.answer(wire), label="sandbox")
        scope = read_scope(wire.headers.get("authorization", ""))
        service = scope.service if scope else "unsigned"
        request = _Request(wire, service, scope.region if scope else "", protocol_of(service, wire))
        try:
            answer = self._answer(request, scope)
        except ApiError as error:
            answer = render(error, service, request.protocol)
        except Failure as failure:
            spelling = spelled(failure, service, request.protocol, request.operation)
            answer = render(spelling, service, request.protocol)
        self.stats.count(service, request.operation, answer.code)
        return Reply(
            answer,
            is_truncated=request.struck_by("truncate"),
            is_reset=request.struck_by("reset"),
            label=f"{service}.{request.operation or 'Unknown'}",
        )

    def _answer(self, request: _Request, scope: Scope | None) -> Answer:
        request.operation, params = read_operation(request.service, request.wire)
        principal = self._authenticate(scope, request.wire)
        self._strike(request, params, principal)
        try:
            is_ours = request.operation in OWN.get(request.service, ())
            token = paging.token_in(params) if is_ours else None
            moment = self.world.moment(token.version if token else None)
        except paging.BadToken as error:
            raise Failure("invalid", str(error)) from error

        def keep(edits: Iterable[Edit]) -> None:
            self.world.edit(moment, edits)

        call = Call(
            request.service,
            request.operation,
            request.region,
            request.protocol,
            params,
            principal,
            request.wire,
            token,
            request.struck_by("empty-page"),
            keep,
        )
        permission.authorise(call, self.world.org.organization_id, self._permissions)
        return self._services.answer(call, moment)

    def _authenticate(self, scope: Scope | None, wire: Wire) -> Principal:
        if scope is None:
            raise Failure("missing_key")
        principal = self._keyring.find(scope.access_key_id)
        if principal is None:
            raise Failure("unknown_key")
        if wire.headers.get("x-amz-security-token", "") != principal.session_token:
            raise Failure("unknown_key")
        if not is_signed_by(scope, wire, principal.secret_access_key):
            raise Failure("bad_signature")
        if principal.expires_at is not None and principal.expires_at <= self._real_time():
            raise Failure("expired")
        return principal

    def _strike(self, request: _Request, params: Mapping[str, Any], principal: Principal) -> None:
        """Let the faults that are switched on strike the call; those that spoil the answer are left for later."""
        about = str(params.get("AccountId") or "")
        role = _ROLE_ACCOUNT.match(str(params.get("RoleArn", "")))
        facts = Facts(
            request.service,
            request.operation,
            principal.account_id,
            role[1] if role else about,
            request.region,
            request.wire.body,
        )
        request.rules = tuple(self.faults.strike(facts))
        for rule in request.rules:
            self._suffer(rule, request, params, principal)

    def _suffer(
        self, rule: Rule, request: _Request, params: Mapping[str, Any], principal: Principal
    ) -> None:
        if rule.kind == "slow":
            self.stopping.wait(rule.seconds)
        elif rule.kind == "throttle":
            raise Failure("throttled")
        elif rule.kind == "error" and rule.code:
            raise ApiError(rule.code, f"{rule.code} by a fault", status=rule.status)
        elif rule.kind == "error":
            raise Failure("unavailable" if rule.status == 503 else "internal")
        elif rule.kind == "expire" and principal.expires_at is not None:
            self._keyring.expire(principal, at=self._real_time())
            raise Failure("expired")
        elif rule.kind == "deny":
            action = access.action_of(request.service, request.operation)
            policy = rule.policy_arn
            why = f"with an explicit deny in a service control policy: {policy}" if policy else ""
            resource = permission.resource_of(request.service, request.region, params, principal)
            raise Failure("denied", access.refusal(principal, action, resource, why))

    def _announce(self, moment: Moment, rows: Sequence[int], by_time: bool) -> None:
        """Put the events of changed findings into the queue: a caller's before it is answered, time's when it suits."""
        if by_time:
            threading.Thread(target=self._announce_time, args=(moment, rows), daemon=True).start()
        else:
            self.events.announce(moment, rows, is_past=self.world.is_clock_set)

    def _announce_time(self, moment: Moment, rows: Sequence[int]) -> None:
        """Put the events of what time brought into the queue; a clock that is set brings no denied calls."""
        is_past = self.world.is_clock_set
        self.events.announce(moment, rows, is_past=is_past)
        if not is_past:
            self.events.announce_denials(moment)

    def _forward(self, call: Call, account_id: str) -> Answer:
        return self.moto.answer(call.wire, account_id)
