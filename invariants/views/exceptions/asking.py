"""Asking for an exception: the form, which saves as it goes, and one's own requests."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.contrib import messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from django.views.decorators.vary import vary_on_headers
from django_htmx.http import HttpResponseClientRedirect

from invariants.actions import exceptions as actions
from invariants.actions.exceptions import By
from invariants.forms.exceptions.asking import AskForm
from invariants.models import ExceptionRequest
from invariants.models.exceptions import ExceptionState, Via
from invariants.policies.exceptions import NotAllowed
from invariants.queries import exceptions as queries
from invariants.queries.exceptions import asking as page
from invariants.queries.exceptions import blast as radius
from invariants.queries.exceptions import entry, finding, prefill
from invariants.queries.exceptions import mine as own
from invariants.queries.exceptions.entry import NothingThere, Source
from invariants.views.exceptions import sheets
from inventory import web
from inventory.access import AnyUser
from inventory.clients import client_address

# The id of the form.
_FORM: Final = "ask"
_EDITABLE: Final = (ExceptionState.DRAFT, ExceptionState.CHANGES_REQUESTED)
_NOT_YOURS: Final = (
    "Exceptions are asked for by people with the right “Ask for exceptions”: ask an administrator for it, "
    "or a colleague who has it to make the request."
)


@dataclass(slots=True)
class _Asked:
    """A form on its way: from what, as which draft (None: nothing is kept yet), and what was typed."""

    source: Source
    item: ExceptionRequest | None
    form: AskForm
    sheet: str = ""
    notice: str = ""
    is_conflict: bool = False


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@vary_on_headers("HX-Request")
def new(request: HttpRequest) -> HttpResponseBase:
    """The form from where somebody came; nothing is kept before something is typed or sent (POST)."""
    user, now = _asker(request), timezone.now()
    try:
        source = entry.of_address(user, request.GET.dict())
    except NothingThere as missing:
        raise Http404(f"There is nothing to see for you at {missing}.") from missing
    if source.target is None:
        context = {"nav": "exceptions", "now": now, "chosen": page.choices(user, source, now=now)}
        return TemplateResponse(request, "exceptions/choose.html", context)
    if request.method == "POST":
        sheet = sheets.read(request.POST.get("sheet", ""), now=now)
        try:
            item = actions.draft(_by(request, user), source.target, sheet=sheet, now=now)
        except NotAllowed as refused:
            raise PermissionDenied(" ".join(refused.missing)) from refused
        return _kept(request, user, source, item, now=now)
    form = _form(user, source, None, now=now)
    asked = _Asked(source, None, form, sheet=sheets.write(now))
    return _page(request, user, asked, now=now)


@never_cache
@require_GET
def edit(request: HttpRequest, ref: str) -> HttpResponseBase:
    """One's own draft as it was left; whoever else sees it reads it where it is."""
    try:
        item, now = _own(request.user, ref), timezone.now()
    except PermissionDenied:
        return redirect("exceptions:detail", ref=ref)
    user = _asker(request)
    if item.state not in _EDITABLE:
        return redirect("exceptions:detail", ref=item.ref)
    source = page.source_of(user, item)
    return _page(request, user, _Asked(source, item, _form(user, source, item, now=now)), now=now)


@never_cache
@require_POST
@vary_on_headers("HX-Request")
def save(request: HttpRequest, ref: str) -> HttpResponseBase:
    """What was typed is kept; with `send` it is sent, or what is missing comes back (422)."""
    item, now = _own(request.user, ref), timezone.now()
    user = _asker(request)
    return _kept(request, user, page.source_of(user, item), item, now=now)


def _kept(
    request: HttpRequest, user: User, source: Source, item: ExceptionRequest, *, now: datetime
) -> HttpResponseBase:
    form = _form(user, source, item, now=now, data=request)
    asked = _Asked(source, item, form, sheet=request.POST.get("sheet", ""))
    is_sending = "send" in request.POST
    if item.state not in _EDITABLE:
        if is_sending:
            return _onward(request, reverse("exceptions:detail", args=[item.ref]))
        asked.notice = (
            f"{item.ref} is {item.get_state_display()} by now: nothing more is written to it."
        )
        return _answer(request, user, asked, status=422, now=now)
    if _is_stale(request, item):
        asked.is_conflict = True
        return _answer(request, user, asked, status=422, now=now)
    form.full_clean()
    form.check_lines(user, item.organization)
    by = _by(request, user)
    try:
        actions.save(by, item.pk, form.changes(), now=now)
        item = actions.set_scope(by, item.pk, form.lines(), now=now)
    except NotAllowed as refused:
        asked.notice = " ".join(refused.missing)
        return _answer(request, user, asked, status=422, now=now)
    asked.item = item
    if "keep" in request.POST and form.is_valid():
        messages.success(request, f"{item.ref} is kept as a draft.")
        return _onward(request, reverse("exceptions:mine"))
    if not is_sending:
        return _answer(request, user, asked, status=200, now=now)
    return _sent(request, user, asked, now=now)


def _sent(request: HttpRequest, user: User, asked: _Asked, *, now: datetime) -> HttpResponseBase:
    item, form = asked.item, asked.form
    assert item is not None
    form.check_ready()
    if form.is_valid():
        try:
            actions.submit(_by(request, user), item.pk, now=now)
        except NotAllowed as refused:
            for sentence in refused.missing:
                form.add_error(None, sentence)
        else:
            messages.success(request, f"{item.ref} is sent. You are told when somebody answers.")
            return _onward(request, reverse("exceptions:detail", args=[item.ref]))
    return _answer(request, user, asked, status=422, now=now)


def _onward(request: HttpRequest, address: str) -> HttpResponseBase:
    return HttpResponseClientRedirect(address) if web.is_fragment(request) else redirect(address)


def _is_stale(request: HttpRequest, item: ExceptionRequest) -> bool:
    """Whether another window has written since this one last heard of the draft."""
    if "overwrite" in request.POST:
        return False
    seen = request.POST.get("seen", "")
    return seen.isdecimal() and int(seen[:9]) < entry.last_written(item)


def _answer(
    request: HttpRequest, user: User, asked: _Asked, *, status: int, now: datetime
) -> HttpResponseBase:
    """To one who types: that it was kept, or why not, and nothing that they type in is touched. To one
    who sends: the form with what is missing."""
    is_sent = bool({"send", "keep"} & set(request.POST))
    # "Keep what stands here" is pressed in the form as well as below it.
    is_form = is_sent or web.target(request) == _FORM
    context = _context(user, asked, now=now) | {"is_sent": is_sent, "is_full": is_form}
    if not web.is_fragment(request):
        context |= {"is_sent": True, "is_full": True}
        return TemplateResponse(request, "exceptions/ask.html", context, status=status)
    # While somebody types, what was not kept is an answer like another: nothing of theirs is touched.
    name, status = ("form", status) if is_form else ("kept", 200)
    answer = TemplateResponse(request, f"exceptions/ask.html#{name}", context, status=status)
    if asked.item is not None and not asked.notice and not asked.is_conflict:
        answer["HX-Replace-Url"] = reverse("exceptions:edit", args=[asked.item.ref])
        answer["HX-Trigger-After-Settle"] = "draft-kept"
    return answer


def _page(request: HttpRequest, user: User, asked: _Asked, *, now: datetime) -> TemplateResponse:
    context = _context(user, asked, now=now)
    return TemplateResponse(request, "exceptions/ask.html", context)


def _context(user: User, asked: _Asked, *, now: datetime) -> dict[str, Any]:
    item, source = asked.item, asked.source
    address = reverse("exceptions:new")
    return {
        "nav": "exceptions",
        "now": now,
        "item": item,
        "source": source,
        "form": asked.form,
        "sheet": asked.sheet,
        "seen": entry.last_written(item) if item and not asked.is_conflict else 0,
        "notice": asked.notice,
        "is_conflict": asked.is_conflict,
        "write_url": f"{address}?{source.query}"
        if asked.sheet or item is None
        else reverse("exceptions:save", args=[item.ref]),
        "missing": [field for field in asked.form if field.errors],
        "has_more_errors": any(asked.form[name].errors for name in asked.form.further),
        "view": page.page(user, source, item, asked.form.shape(), now=now),
    }


@never_cache
@require_GET
def blast(request: HttpRequest, ref: str) -> HttpResponseBase:
    """The blast radius as it would be now, of one's draft or of a request that one sees."""
    now = timezone.now()
    try:
        item = finding.by_ref(request.user, ref)
    except ExceptionRequest.DoesNotExist as missing:
        raise Http404 from missing
    context = {"now": now, "blast": radius.radius(request.user, item, now=now)}
    return TemplateResponse(request, "exceptions/_blast_radius.html", context)


@never_cache
@require_GET
def mine(request: HttpRequest) -> HttpResponseBase:
    now = timezone.now()
    context = {
        "nav": "exceptions",
        "now": now,
        "mine": own.of(request.user, now=now),
        "may_ask": entry.may_ask(request.user),
    }
    return TemplateResponse(request, "exceptions/mine.html", context)


def _asker(request: HttpRequest) -> User:
    user = request.user
    if not isinstance(user, User) or not entry.may_ask(user):
        raise PermissionDenied(_NOT_YOURS)
    return user


def _by(request: HttpRequest, user: User) -> By:
    return By(user, Via.PAGE, client_address(request))


def _own(user: AnyUser, ref: str) -> ExceptionRequest:
    try:
        item = finding.by_ref(user, ref)
    except ExceptionRequest.DoesNotExist as missing:
        raise Http404 from missing
    if item.requester_id != user.pk:
        raise PermissionDenied(
            f"Only {item.requester_name}, who asked for {item.ref}, writes in it."
        )
    return item


def _form(
    user: User,
    source: Source,
    item: ExceptionRequest | None,
    *,
    now: datetime,
    data: HttpRequest | None = None,
) -> AskForm:
    organization = item.organization if item else page.organization_of(source)
    today = queries.moment_of(organization, now).today
    known = prefill.known_of(item) if item else prefill.known(user, source, today=today)
    severity = item.severity if item else prefill.severity_of(source)
    starts_on = known.starts_on or today
    return AskForm(
        known,
        data.POST if data else None,
        terms=prefill.terms(severity, today=max(today, starts_on)),
        ways=prefill.ways(item.invariant if item else source.invariant),
        target_kind=item.target_kind if item else page.kind_of(source),
        today=today,
    )
