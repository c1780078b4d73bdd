"""The edit of policies of one request, for its page and its files.

The text of policies is for people who see the whole organisation: it names accounts and roles of others.
Who asked for the exception sees, of their own edit, what it adds, which is what they asked for; budget,
proof and reasons are for everybody who sees the request. The engine is imported where it is needed.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from django.urls import reverse

from invariants.models import ExceptionPolicyEdit, ExceptionRequest
from invariants.models.exceptions import ExceptionState, Mechanism
from invariants.policies import diffs
from inventory import access
from inventory.access import AnyUser

_OVER: Final = [
    ExceptionState.CLOSED,
    ExceptionState.RENEWED,
    ExceptionState.REJECTED,
    ExceptionState.WITHDRAWN,
]
# Settings and moves are no policies by themselves.
_TYPES: Final = {"ACCOUNT": "place in the organisation"}
_SHOWN: Final = 6
_FORMS: Final = {"diff": "diff", "tf": "terraform"}


@dataclass(frozen=True, slots=True)
class File:
    """A text file to be downloaded."""

    name: str
    media_type: str
    text: str


@dataclass(frozen=True, slots=True)
class Section:
    """What the page needs before the edit itself is loaded."""

    url: str
    title: str


@dataclass(frozen=True, slots=True)
class Budget:
    """`limit` None: AWS publishes none."""

    before: int
    after: int
    limit: int | None

    @property
    def left(self) -> int | None:
        return None if self.limit is None else self.limit - self.after


@dataclass(frozen=True, slots=True)
class Changed:
    """One policy: the lines of its diff, and what it uses of AWS's limits."""

    name: str
    policy_id: str
    kind: str
    is_new: bool
    is_gone: bool
    lines: tuple[diffs.Line, ...]
    added: int
    removed: int
    size: Budget | None
    slots: Budget | None
    remarks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Told:
    """An edit as it is shown. `own` are the values that it adds, as who asked for it gave them;
    `about_tags` say what an exemption by a tag of principals hangs on, to everybody."""

    is_removal: bool
    changes: tuple[Changed, ...]
    added: int
    removed: int
    steps: tuple[str, ...]
    warnings: tuple[str, ...]
    through: tuple[Mapping[str, str], ...]
    through_count: int
    denied_count: int
    unchanged: int
    own: tuple[tuple[str, tuple[str, ...]], ...] = ()
    about_tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Refused:
    why: str
    instead: str
    is_already: bool = False


@dataclass(frozen=True, slots=True)
class Shown:
    """`told` None where none is to be made now: then `refused` says why, or the record is over.
    `approved` is the edit as it was approved, with when."""

    ref: str
    title: str
    told: Told | None
    refused: Refused | None
    sees_text: bool
    pull_request: str
    approved: Told | None = None
    approved_why: Refused | None = None
    approved_at: datetime | None = None
    files: Mapping[str, str] = field(default_factory=dict)


def section(user: AnyUser, request: ExceptionRequest) -> Section | None:
    """None where no policy is involved. No query."""
    if request.mechanism == Mechanism.NONE:
        return None
    return Section(reverse("exceptions:policy_edit", args=[request.ref]), title_of(request))


def title_of(request: ExceptionRequest) -> str:
    if request.state in _OVER:
        return "What approval changed"
    return "What its end changes" if _is_removal(request) else "What approval changes"


def _is_removal(request: ExceptionRequest) -> bool:
    """Whether what is to be done next takes it out: once it is in place."""
    return request.state in {"ACTIVE", "EXPIRING", "EXPIRED", "REVOKED", "CLOSING"}


def shown(user: AnyUser, request: ExceptionRequest, *, now: datetime) -> Shown:
    """The edit worked out now, and the one that was approved. Some twenty queries."""
    sees_text = access.scope_of(user).everything
    is_own = user.pk is not None and user.pk == request.requester_id
    told, refused = None, None
    if request.state not in _OVER:
        content, refused = current(request, now=now)
        told = _told(content, sees_text=sees_text, is_own=is_own) if content else None
    kept = ExceptionPolicyEdit.objects.filter(request=request).order_by("-pk").first()
    kept_why = Refused(kept.why, kept.instead) if kept and kept.why else None
    if not (sees_text or is_own):
        refused, kept_why = _hidden(refused), _hidden(kept_why)
    removal = _is_removal(request)
    return Shown(
        ref=request.ref,
        title=title_of(request),
        told=told,
        refused=refused,
        sees_text=sees_text,
        pull_request=request.removal_pull_request if removal else request.pull_request,
        approved=_told(kept.content, sees_text=sees_text, is_own=is_own)
        if kept and kept.content
        else None,
        approved_why=kept_why,
        approved_at=kept.at if kept else None,
        files={
            form: reverse("exceptions:edit_file", args=[request.ref, form])
            for form in ("diff", "tf", "json")
        },
    )


def _hidden(refused: Refused | None) -> Refused | None:
    """The reason may name policies and accounts that this person does not see."""
    if refused is None:
        return None
    why = "No edit can be made for it as it stands."
    if refused.is_already:
        why = "Nothing has to be edited for it as it stands."
    return Refused(why, "Who sees the whole organisation sees why.", refused.is_already)


def current(
    request: ExceptionRequest, *, now: datetime
) -> tuple[Mapping[str, Any], Refused | None]:
    """The edit to be made next, as JSON, {} with the reason where there is none."""
    return _worked_out(request, removal=_is_removal(request), now=now)


def putting_in(
    request: ExceptionRequest, *, now: datetime
) -> tuple[Mapping[str, Any], Refused | None]:
    """The edit that puts it in place, whatever its state."""
    return _worked_out(request, removal=False, now=now)


def _worked_out(
    request: ExceptionRequest, *, removal: bool, now: datetime
) -> tuple[Mapping[str, Any], Refused | None]:
    # The catalogue and its engine: a second, which no other page is to wait for.
    from invariants import carving  # noqa: PLC0415
    from invariants.queries.exceptions import worked_out  # noqa: PLC0415

    try:
        edit = worked_out.work_out(request, removal=removal, now=now)
    except carving.Unfit as error:
        return {}, Refused(error.why, error.instead, isinstance(error, carving.AlreadySo))
    return edit.as_json(), None


def approved(user: AnyUser, request: ExceptionRequest) -> Mapping[str, Any]:
    """The edit as it was approved last, {} where none is kept or the person does not see texts."""
    rows = ExceptionPolicyEdit.objects.visible_to(user).filter(request=request)
    found: Mapping[str, Any] | None = (
        rows.exclude(content={}).order_by("-pk").values_list("content", flat=True).first()
    )
    return found or {}


def _told(content: Mapping[str, Any], *, sees_text: bool, is_own: bool) -> Told:
    changes = tuple(_changed(one, sees_text) for one in content["edits"])
    proof = content["proof"]
    return Told(
        is_removal=content["is_removal"],
        changes=changes,
        added=sum(change.added for change in changes),
        removed=sum(change.removed for change in changes),
        steps=tuple(content["steps"]) if sees_text else (),
        warnings=tuple(content["warnings"]) if sees_text else (),
        through=tuple(proof["through"][:_SHOWN]) if sees_text else (),
        through_count=len(proof["through"]),
        denied_count=len(proof["denied"]),
        unchanged=proof["unchanged"],
        own=_own(content["marks"]) if sees_text or is_own else (),
        # Edits that were kept before there were any have none.
        about_tags=tuple(content.get("about_tags", ())),
    )


def _own(marks: Sequence[Mapping[str, Any]]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    return tuple(dict.fromkeys((mark["key"], tuple(mark["values"])) for mark in marks))


def _changed(edit: Mapping[str, Any], sees_text: bool) -> Changed:
    lines = diffs.diff(edit["before"], edit["after"])
    removed, added = diffs.counts(lines)
    slots = edit["slots"]
    return Changed(
        name=edit["name"] if sees_text else "",
        policy_id=edit["policy_id"] if sees_text else "",
        kind=_TYPES.get(edit["type"], ""),
        is_new=not edit["before"],
        is_gone=not edit["after"],
        lines=lines if sees_text else (),
        added=added,
        removed=removed,
        size=_budget(edit["size"]) if edit["size"]["after"] or edit["size"]["before"] else None,
        slots=_budget(slots) if slots else None,
        remarks=tuple(edit["remarks"]) if sees_text else (),
    )


def _budget(one: Mapping[str, Any]) -> Budget:
    return Budget(one["before"], one["after"], one["limit"])


def file_of(ref: str, content: Mapping[str, Any], form: str) -> File:
    """An edit as diff, tf or json."""
    name = f"{ref}-{'removal' if content['is_removal'] else 'edit'}.{form}"
    if form == "json":
        told = {key: value for key, value in content.items() if key not in _FORMS.values()}
        text = json.dumps(told, indent=2, ensure_ascii=False) + "\n"
        return File(name, "application/json", text)
    return File(name, "text/plain; charset=utf-8", content[_FORMS[form]])
