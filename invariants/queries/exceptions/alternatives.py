"""Maybe no exception is needed: what the invariant grants anyway, who has one here already, how to mend it."""

from dataclasses import dataclass
from typing import Final

from django.db.models import Q
from django.urls import reverse

from findings.queries import hints
from invariants.models import ExceptionRequest, InvariantVersion
from invariants.models.exceptions import ExceptionState, ScopeKind
from invariants.queries.exceptions.entry import Source
from inventory import links
from inventory.access import AnyUser

_SHOWN: Final = 3
_WORDS: Final = {
    "PRINCIPAL_ARN": "its role is named in the policy",
    "SERVICE_PRINCIPAL": "AWS services acting for you are let through",
    "PRINCIPAL_TAG": "a tag on the role lets it through",
    "RESOURCE_TAG": "a tag on the resource lets it through",
    "ACCOUNT_MOVE": "the account moves to an OU where it does not hold",
    "CHILD_POLICY": "a policy further down sets another value",
    "VALUE_LIST": "the value stands in the policy's list",
}


@dataclass(frozen=True, slots=True)
class Alternative:
    """`icon` of the sprite; `url` leads on, "" nowhere; `is_external`: off this site."""

    icon: str
    text: str
    url: str = ""
    link_text: str = ""
    is_external: bool = False


def alternatives(
    user: AnyUser, source: Source, *, but: ExceptionRequest | None = None
) -> tuple[Alternative, ...]:
    """The nearest first. Three queries at most. :param but: the request itself."""
    return (*_live(user, source, but), *_usual(source), *_mending(source))


def _live(user: AnyUser, source: Source, but: ExceptionRequest | None) -> tuple[Alternative, ...]:
    """Requests for the same that are on their way or in force in this account."""
    if source.target is None:
        return ()
    rows = ExceptionRequest.objects.visible_to(user).not_over().exclude(state=ExceptionState.DRAFT)
    if source.invariant is not None:
        rows = rows.filter(invariant=source.invariant)
    else:
        key = bytes(source.finding.key) if source.finding else None
        of_control = Q(finding_key__isnull=True) | Q(finding_key=key)
        rows = rows.filter(of_control, control=source.control)
    if source.account is not None:
        here = Q(scope__kind=ScopeKind.ACCOUNT, scope__account=source.account)
        path = source.account.ou.path
        above = [path[: place + 1] for place, letter in enumerate(path) if letter == "/"]
        rows = rows.filter(here | Q(scope__kind=ScopeKind.OU, scope__ou__path__in=above))
    if but is not None:
        rows = rows.exclude(pk=but.pk)
    found = rows.distinct().order_by("-pk")[:_SHOWN]
    place = " here" if source.account is not None else ""
    return tuple(
        Alternative(
            "shield-off" if one.is_in_force else "clock",
            f"{'You have' if one.requester_id == user.pk else f'{one.requester_name} has'} "
            f"asked for the same{place}: {one.title or one.ref} is "
            f"{one.get_state_display()}{f' until {one.until:%-d %b %Y}' if one.until else ''}.",
            reverse("exceptions:detail", args=[one.ref]),
            one.ref,
        )
        for one in found
    )


def _usual(source: Source) -> tuple[Alternative, ...]:
    if source.invariant is None:
        return ()
    versions = InvariantVersion.objects.filter(invariant=source.invariant).order_by("-number")
    content = versions.values_list("content", flat=True).first() or {}
    return tuple(
        Alternative(
            "lightbulb",
            f"{one.get('who', '')}: granted by {source.invariant.key} itself, "
            f"{_WORDS.get(str(one.get('carve_out')), 'as the catalogue says')}.",
            f"{reverse('invariants:detail', args=[source.invariant.key])}?tab=exceptions",
            "Usual exceptions",
        )
        for one in (content.get("exceptions") or ())[:_SHOWN]
    )


def _mending(source: Source) -> tuple[Alternative, ...]:
    control = source.control
    if control is None:
        return ()
    found = []
    if links.is_web_link(control.remediation_url):
        text = f"Fix it: AWS tells how, step by step, for {control.control_id}."
        found.append(
            Alternative(
                "lightbulb", text, control.remediation_url, "How to fix it", is_external=True
            )
        )
    found += [
        Alternative("shield-check", f"{hint.title}: {hint.text}", hint.url, hint.link_text, True)
        for hint in hints.for_control(control.control_id)[:1]
    ]
    return tuple(found)
