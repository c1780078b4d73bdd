"""How one is told of exceptions, by which channels, and what was sent."""

from typing import Any, Final
from zoneinfo import available_timezones

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from inventory import web
from inventory.models import Organization
from posture import tasks
from posture.actions import notifications as actions
from posture.actions.sign_in import notices
from posture.forms.notifications import ChannelForm, HoursForm, read_choices
from posture.models import NotificationChannel, NotificationDelivery
from posture.models.notifications import ChannelService, NotificationState, Rhythm
from posture.policies import notifications as policies
from posture.policies import roles
from posture.queries.notifications import pages

_STATES: Final = tuple((state.value, str(state.label)) for state in NotificationState)


@require_GET
@never_cache
def notifications(request: HttpRequest) -> TemplateResponse:
    return _page(request)


@require_POST
def notification_choices(request: HttpRequest) -> HttpResponseBase:
    """Keeps how each kind comes by each channel."""
    person = _person(request)
    found = pages.preferences(person)
    own = [one for one in found.channels if not one.is_room]
    fields = {
        pages.field_name(kind.code.value, channel): (kind.code.value, channel)
        for kind in policies.KINDS
        for channel in (None, *(one.pk for one in own))
    }
    try:
        actions.choose(person, read_choices(request.POST, fields))
    except actions.Refused as e:
        return _page(request, {"choices_error": str(e)}, status=422)
    messages.success(request, "It is kept: from now on you are told like this.")
    return redirect("posture:notifications")


@require_POST
def notification_hours(request: HttpRequest) -> HttpResponseBase:
    """Keeps quiet hours and the digest."""
    form = HoursForm(request.POST)
    if form.is_valid():
        typed = form.cleaned_data
        wanted = actions.Wanted(
            time_zone=typed["time_zone"].strip(),
            quiet_from=typed["quiet_from"],
            quiet_until=typed["quiet_until"],
            digest=Rhythm(typed["digest"]),
            digest_at=typed["digest_at"],
        )
        try:
            actions.set_hours(_person(request), wanted)
        except actions.Refused as e:
            form.add_error(e.field or None, str(e))
        else:
            messages.success(request, "Your hours are kept.")
            return redirect("posture:notifications")
    return _page(request, {"hours_form": form}, status=422)


@require_POST
def channel_add(request: HttpRequest) -> HttpResponseBase:
    """Adds a channel of one's own, or a room."""
    form = ChannelForm(request.POST)
    if form.is_valid():
        typed = form.cleaned_data
        new = actions.NewChannel(
            name=typed["name"],
            service=ChannelService(typed["service"]),
            address=typed["address"],
            is_room=typed["is_room"],
            kinds=tuple(typed["kinds"]),
        )
        try:
            channel = actions.add_channel(_person(request), new, now=timezone.now())
        except actions.Refused as e:
            form.add_error(e.field or None, str(e))
        else:
            messages.success(request, f"{channel.name} is added: send a test.")
            return redirect("posture:notifications")
    return _page(request, {"channel_form": form}, status=422)


@require_POST
def channel_test(request: HttpRequest, pk: int) -> HttpResponseBase:
    try:
        channel = actions.ask_test(_person(request), pk, now=timezone.now())
    except NotificationChannel.DoesNotExist as e:
        raise Http404 from e
    tasks.notify_test.delay_on_commit(channel_id=channel.pk)  # type: ignore[attr-defined]
    messages.success(request, "A worker sends a test now: the channel says how it fared.")
    return redirect("posture:notifications")


@require_POST
def channel_remove(request: HttpRequest, pk: int) -> HttpResponseBase:
    try:
        name = actions.remove_channel(_person(request), pk)
    except NotificationChannel.DoesNotExist as e:
        raise Http404 from e
    messages.success(request, f"{name} is removed: nothing is sent there any more.")
    return redirect("posture:notifications")


@require_http_methods(["GET", "POST"])
@never_cache
def notification_stop(request: HttpRequest, kind: str) -> HttpResponseBase:
    """Where the link in a mail leads: one press, and a kind comes by mail no more."""
    known = policies.BY_CODE.get(kind.upper())
    if known is None:
        raise Http404
    if request.method == "POST":
        try:
            actions.stop(_person(request), known.code.value)
        except actions.Refused as e:
            messages.error(request, str(e))
        else:
            messages.success(request, f"“{known.name}” comes by mail no more.")
        return redirect("posture:notifications")
    context = {"nav": "notifications", "kind": known}
    return TemplateResponse(request, "posture/notification_stop.html", context)


@require_GET
@never_cache
def notification_log(request: HttpRequest) -> TemplateResponse:
    """What everybody was sent, for who looks after it."""
    state = request.GET.get("state", "")
    page = pages.all_deliveries(
        _person(request), state=state, cursor_text=request.GET.get("cursor", "")
    )
    if page is None:
        raise PermissionDenied("You look after no deliveries.")
    context = {
        "nav": "notifications",
        "now": timezone.now(),
        "page": page,
        "state": state,
        "states": _STATES,
        "has_mail": notices.is_mail_set(),
        "keep_days": settings.POSTURE_KEEP_DELIVERY_DAYS,
        **_pager(request, page),
    }
    return TemplateResponse(request, "posture/notification_log.html", context)


@require_POST
def notification_again(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Sends again what was given up."""
    person = _person(request)
    try:
        row = actions.send_again(person, pk, now=timezone.now())
    except NotificationDelivery.DoesNotExist as e:
        raise Http404 from e
    tasks.notify_deliver.delay_on_commit(delivery_id=row.pk)  # type: ignore[attr-defined]
    messages.success(request, "A worker sends it again now.")
    is_own = row.user_id == person.pk
    return redirect("posture:notifications" if is_own else "posture:notification_log")


def _page(
    request: HttpRequest, more: dict[str, Any] | None = None, *, status: int = 200
) -> TemplateResponse:
    person = _person(request)
    found = pages.preferences(person)
    page = pages.own_deliveries(person, cursor_text=request.GET.get("cursor", ""))
    organization = Organization.objects.order_by("pk").first()
    context: dict[str, Any] = {
        "nav": "notifications",
        "now": timezone.now(),
        "preferences": found,
        "page": page,
        "hours_form": HoursForm(initial=_hours(found)),
        "channel_form": ChannelForm(),
        "zones": sorted(available_timezones()),
        "organization_zone": organization.time_zone if organization else "UTC",
        "address": person.email,
        "is_demo": settings.POSTURE_DEMO,
        "may_send": bool(settings.POSTURE_WEBHOOK_HOSTS),
        "may_add_rooms": person.has_perm(roles.MANAGE_WEBHOOKS),
        "may_keep": pages.may_keep(person),
        "keep_days": settings.POSTURE_KEEP_DELIVERY_DAYS,
        **_pager(request, page),
        **(more or {}),
    }
    return TemplateResponse(request, "posture/notifications.html", context, status=status)


def _hours(found: pages.Preferences) -> dict[str, object]:
    names = ("time_zone", "quiet_from", "quiet_until", "digest", "digest_at")
    return {name: getattr(found.hours, name) for name in names}


def _pager(request: HttpRequest, page: web.Page[pages.DeliveryLine]) -> dict[str, str]:
    return {
        "previous_query": web.query(request.GET, cursor=page.previous_cursor),
        "next_query": web.query(request.GET, cursor=page.next_cursor),
    }


def _person(request: HttpRequest) -> User:
    if not isinstance(request.user, User):
        raise Http404
    return request.user
