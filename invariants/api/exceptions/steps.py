"""/api/v1/exceptions/{ref}/…/: the steps, one address each, by the actions of the pages."""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Final

from invariants.actions import exceptions as actions
from invariants.actions.exceptions import By
from invariants.api.exceptions import said
from invariants.api.exceptions.reading import GROUP, REF
from invariants.api.exceptions.shapes import ExceptionShape
from invariants.api.exceptions.writing import (
    EXAMPLE,
    answered,
    by_of,
    held,
    lines_of,
    refusals,
)
from invariants.models.exceptions import Risk
from inventory.api import bodies
from inventory.api.resources import Asked
from inventory.api.writing import Nothing, Write, WritingResource, Written


class Step(WritingResource):
    """A step, or something else that is done with a request. `act` does it."""

    group = GROUP
    address = (REF,)
    reads = False
    act: ClassVar[Callable[..., Any]]

    def write(self, asked: Asked, said: Mapping[str, Any], **names: str) -> Written:
        with refusals():
            request = held(asked, names["ref"])
            made = type(self).act(by_of(asked), request.pk, said, now=asked.now)
        is_new = self.writes[self.request.method or ""].status == 201
        return answered(asked, made.pk if is_new else request.pk, is_new=is_new)


def _assess(by: By, pk: int, said: Mapping[str, Any], **at: Any) -> Any:
    view = actions.RiskView(Risk(said["inherent_risk"]), Risk(said["residual_risk"]), said["why"])
    return actions.assess(by, pk, view, **at)


def _narrow(by: By, pk: int, said: Mapping[str, Any], **at: Any) -> Any:
    return actions.narrow(by, pk, lines_of(said["remove"]), why=said["why"], **at)


def _scope(by: By, pk: int, said: Mapping[str, Any], **at: Any) -> Any:
    return actions.set_scope(by, pk, lines_of(said["scope"]), **at)


def _plainly(action: Callable[..., Any], **renamed: str) -> Callable[..., Any]:
    """An action that takes what is said by the names of its parameters, or as `renamed`."""

    def act(by: By, pk: int, said: Mapping[str, Any], **at: Any) -> Any:
        return action(by, pk, **{renamed.get(name, name): said[name] for name in said}, **at)

    return act


def _comment(by: By, pk: int, said: Mapping[str, Any], **at: Any) -> Any:
    return actions.comment(by, pk, said["text"], **at)


_FOUR: Final = "Requester, assessor, approver and implementer are different people."
# By the last part of the address: how it is called and described, what is said with it, and what does it.
_STEPS: Final[Mapping[str, tuple[str, type[bodies.Body], Callable[..., Any]]]] = {
    "submit": ("Send it for review.", Nothing, _plainly(actions.submit)),
    "withdraw": (
        "Take it back, as long as nobody has approved it.",
        said.Remark,
        _plainly(actions.withdraw, note="why"),
    ),
    "triage": ("Take it up for review.", said.Remark, _plainly(actions.triage)),
    "assess": (f"Say how high its risk is.\n\n{_FOUR}", said.Assessment, _assess),
    "approve": (
        f"Approve it, up to an earlier day if you say one.\n\n{_FOUR}",
        said.Approval,
        _plainly(actions.approve),
    ),
    "grant": (
        "Let an emergency go ahead for 72 hours.\n\nAssessment and approval by others follow.",
        said.Why,
        _plainly(actions.grant),
    ),
    "reject": ("Say no, and why.", said.Why, _plainly(actions.reject)),
    "request-changes": (
        "Send it back with what has to be different.",
        said.Why,
        _plainly(actions.request_changes),
    ),
    "implement": (
        f"Say that you put it in place.\n\nIt is active once a collection has found it. {_FOUR}",
        said.PullRequest,
        _plainly(actions.implement),
    ),
    "remove": (
        "Say that you take it out again.\n\nIt is closed once a collection does not find it any more.",
        said.PullRequest,
        _plainly(actions.remove),
    ),
    "revoke": ("End it before its time.", said.Why, _plainly(actions.revoke)),
    "narrow": ("Take lines out of its scope.", said.Narrowing, _narrow),
    "comment": ("Comment on it.", said.Comment, _comment),
}


def _step(name: str, words: str, body: type[bodies.Body], act: Callable[..., Any]) -> type[Step]:
    operation = f"{name.replace('-', '_')}_exception"
    if name == "comment":
        operation = "comment_on_exception"
    write = Write(operation, words, body, ExceptionShape)
    return type(
        f"Exception{name.title().replace('-', '')}",
        (Step,),
        {"__doc__": words, "writes": {"POST": write}, "act": staticmethod(act)},
    )


STEPS: Final[Mapping[str, type[Step]]] = {name: _step(name, *row) for name, row in _STEPS.items()}


class ExceptionRenewal(Step):
    """Renew it."""

    writes = {
        "POST": Write(
            "renew_exception",
            "Begin the next of its line.\n\nA draft with the same content, which is reviewed like any "
            "other; there are two renewals at most.",
            Nothing,
            ExceptionShape,
            status=201,
        )
    }
    act = staticmethod(_plainly(actions.renew))


class ExceptionScopeLines(Step):
    """What it covers."""

    writes = {
        "PUT": Write(
            "set_exception_scope",
            "Say anew what a draft of yours covers.\n\nLines of one kind add up, kinds narrow each other.",
            said.ScopeLines,
            ExceptionShape,
            example={"scope": EXAMPLE["scope"]},
        )
    }
    act = staticmethod(_scope)
