"""Where events are sent to, what was sent, and sending it again."""

from typing import Any, Final

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from django.views.decorators.vary import vary_on_headers

from inventory import web
from inventory.models import Organization
from posture import tasks
from posture.actions import webhooks as actions
from posture.forms.webhooks import ReplayForm, WebhookForm
from posture.models import Webhook, WebhookDelivery
from posture.policies import roles
from posture.queries import webhooks as queries

# The others follow with the next round of the worker.
_AT_ONCE: Final = 100
_MANAGE = permission_required(roles.MANAGE_WEBHOOKS, raise_exception=True)


@require_http_methods(["GET", "POST"])
@_MANAGE
@never_cache
def webhook_list(request: HttpRequest) -> TemplateResponse:
    """The webhooks; posting makes one, whose secret is shown on the answer and nowhere else."""
    person, now = _person(request), timezone.now()
    organization = Organization.objects.order_by("pk").first()
    owners = queries.owners(person)
    form = WebhookForm(request.POST if request.method == "POST" else None, owners=owners)
    made = None
    if form.is_bound and organization is not None:
        made = _make(person, organization, form)
    context = {
        "nav": "webhooks",
        "webhooks": queries.webhooks(person, now=now),
        "form": WebhookForm(owners=owners) if made else form,
        "made": made,
        "organization": organization,
        "may_send": bool(settings.POSTURE_WEBHOOK_HOSTS),
        "off_days": settings.POSTURE_WEBHOOK_OFF_DAYS,
    }
    status = 422 if form.is_bound and made is None else 200
    return TemplateResponse(request, "posture/webhook_list.html", context, status=status)


@require_GET
@_MANAGE
@never_cache
@vary_on_headers("HX-Request")
def webhook_detail(request: HttpRequest, pk: int) -> HttpResponse:
    return _detail(request, pk)


@require_POST
@_MANAGE
@never_cache
def webhook_rotate(request: HttpRequest, pk: int) -> HttpResponse:
    """Another secret, shown on the answer and nowhere else."""
    try:
        made = actions.rotate(_person(request), pk, now=timezone.now())
    except Webhook.DoesNotExist as e:
        raise Http404 from e
    return _detail(request, pk, made=made)


@require_POST
@_MANAGE
def webhook_switch(request: HttpRequest, pk: int) -> HttpResponseBase:
    on = request.POST.get("on") == "1"
    try:
        done = actions.switch(_person(request), pk, on=on, now=timezone.now())
    except Webhook.DoesNotExist as e:
        raise Http404 from e
    what = "on" if on else "off"
    messages.success(request, f"It is {what}." if done else f"It was {what} already.")
    return redirect("posture:webhook", pk)


@require_POST
@_MANAGE
def webhook_remove(request: HttpRequest, pk: int) -> HttpResponseBase:
    try:
        name = actions.remove(_person(request), pk)
    except Webhook.DoesNotExist as e:
        raise Http404 from e
    messages.success(request, f"{name} is removed: nothing is sent there any more.")
    return redirect("posture:webhooks")


@require_POST
@_MANAGE
def webhook_test(request: HttpRequest, pk: int) -> HttpResponseBase:
    try:
        delivery = actions.send_test(_person(request), pk, now=timezone.now())
    except Webhook.DoesNotExist as e:
        raise Http404 from e
    except actions.Refused as e:
        messages.error(request, str(e))
    else:
        _send(delivery.pk)
        messages.success(request, "A worker sends a test now: see below how it fares.")
    return redirect("posture:webhook", pk)


@require_POST
@_MANAGE
def webhook_replay(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Sends again what was given up."""
    form, now = ReplayForm(request.POST), timezone.now()
    if not form.is_valid():
        messages.error(request, "Say how far back: a day, a week, or all that is kept.")
        return redirect("posture:webhook", pk)
    try:
        keys = actions.replay_given_up(_person(request), pk, since=form.moment(now=now), now=now)
    except Webhook.DoesNotExist as e:
        raise Http404 from e
    except actions.Refused as e:
        messages.error(request, str(e))
        return redirect("posture:webhook", pk)
    for key in keys[:_AT_ONCE]:
        _send(key)
    messages.success(request, f"{len(keys)} to be sent again." if keys else "Nothing was given up.")
    return redirect("posture:webhook", pk)


@require_POST
@_MANAGE
def delivery_replay(request: HttpRequest, pk: int, delivery_pk: int) -> HttpResponseBase:
    try:
        actions.replay(_person(request), pk, delivery_pk, now=timezone.now())
    except (Webhook.DoesNotExist, WebhookDelivery.DoesNotExist) as e:
        raise Http404 from e
    except actions.Refused as e:
        messages.error(request, str(e))
    else:
        _send(delivery_pk)
        messages.success(request, "A worker sends it again now, with the same id.")
    return redirect("posture:webhook", pk)


def _send(pk: int) -> None:
    tasks.webhook_deliver.delay_on_commit(delivery_id=pk)  # type: ignore[attr-defined]


def _make(
    person: User, organization: Organization, form: WebhookForm
) -> tuple[Webhook, str] | None:
    """The new webhook and its secret; None where it is refused."""
    if not form.is_valid():
        return None
    found = form.cleaned_data
    try:
        return actions.add(
            person,
            organization,
            name=found["name"],
            url=found["url"],
            events=found["events"],
            owner=form.owners[found["owner"]],
            now=timezone.now(),
        )
    except actions.Refused as e:
        form.add_error(e.field or None, str(e))
        return None


def _detail(
    request: HttpRequest, pk: int, *, made: tuple[Webhook, str] | None = None
) -> HttpResponse:
    now = timezone.now()
    page = queries.webhook(request.user, pk, now=now, cursor_text=request.GET.get("cursor", ""))
    if page is None:
        raise Http404
    deliveries = page.deliveries
    context: dict[str, Any] = {
        "nav": "webhooks",
        "now": now,
        "page": page,
        "webhook": page.webhook,
        "made": made,
        "keep_days": settings.POSTURE_KEEP_DELIVERY_DAYS,
        "previous_query": web.query(request.GET, cursor=deliveries.previous_cursor),
        "next_query": web.query(request.GET, cursor=deliveries.next_cursor),
    }
    return web.page(request, "posture/webhook_detail.html", context, partial="deliveries")


def _person(request: HttpRequest) -> User:
    if not isinstance(request.user, User):
        raise Http404
    return request.user
