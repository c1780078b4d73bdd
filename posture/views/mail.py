"""Who gets the weekly review, sending it, its PDF, and the demo's mailbox."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from inventory.models import Organization
from posture import reports, tasks
from posture.actions import mail as actions
from posture.forms.mail import RecipientForm, ScheduleForm
from posture.queries import mail, review_page, reviews

_MANAGE = permission_required(actions.MANAGE, raise_exception=True)


@require_GET
def review_pdf(request: HttpRequest, week: str) -> HttpResponse:
    """The page of the week as PDF; made at once, because that takes less than a page."""
    now = timezone.now()
    page = reviews.review(request.user, week, day=now.date())
    if page is None:
        raise Http404
    content = reports.review_pdf(review_page.view(page), made_at=page.published_at or now)
    return HttpResponse(
        content,
        content_type="application/pdf",
        headers={"Content-Disposition": f'attachment; filename="cloud-security-{week}.pdf"'},
    )


@require_GET
def mailing(request: HttpRequest) -> TemplateResponse:
    return _page(request, {}, status=200)


@require_POST
@_MANAGE
def recipient_add(request: HttpRequest) -> HttpResponseBase:
    form = RecipientForm(request.POST)
    try:
        if not form.is_valid():
            raise ValidationError(_first_error(form))
        actions.add_recipient(request.user, _organization(), **form.cleaned_data)
    except ValidationError as error:
        return _page(request, {"recipient_error": error.message, "typed": request.POST}, status=422)
    messages.success(request, f"{form.cleaned_data['email']} gets the weekly review from now on.")
    return redirect("posture:mailing")


@require_POST
@_MANAGE
def recipient_remove(request: HttpRequest, pk: int) -> HttpResponseBase:
    if actions.remove_recipient(request.user, _organization(), pk):
        messages.success(request, "They get no weekly review any more.")
    else:
        messages.info(request, "Somebody had removed them already.")
    return redirect("posture:mailing")


@require_POST
@_MANAGE
def schedule(request: HttpRequest) -> HttpResponseBase:
    form = ScheduleForm(request.POST)
    try:
        if not form.is_valid():
            raise ValidationError(_first_error(form))
        actions.set_schedule(request.user, _organization(), **form.cleaned_data)
    except ValidationError as error:
        return _page(request, {"schedule_error": error.message, "typed": request.POST}, status=422)
    messages.success(request, "The schedule is set.")
    return redirect("posture:mailing")


@require_POST
@_MANAGE
def review_send(request: HttpRequest, week: str) -> HttpResponseBase:
    """Sends a published review to everybody who has not got it; what failed is tried again."""
    page = reviews.review(request.user, week, day=timezone.now().date())
    if page is None:
        raise Http404
    if not page.is_published:
        messages.error(request, "A draft is not mailed: publish the review first.")
    else:
        tasks.mail_review.delay_on_commit(  # type: ignore[attr-defined]
            review_id=page.pk, by=request.user.get_username(), is_asked_for=True
        )
        messages.success(request, "A worker sends it now: see below how each mail fares.")
    return redirect("posture:mailing")


@require_http_methods(["GET"])
def mailbox(request: HttpRequest, pk: int | None = None) -> TemplateResponse:
    """The mails of the demo, where nothing leaves the machine: one's own, or all of them."""
    if not settings.POSTURE_DEMO:
        raise Http404
    found = mail.messages(request.user)
    chosen = mail.message(request.user, pk) if pk is not None else next(iter(found), None)
    if pk is not None and chosen is None:
        raise Http404
    context = {"nav": "reviews", "now": timezone.now(), "messages_kept": found, "chosen": chosen}
    return TemplateResponse(request, "posture/mailbox.html", context)


def _page(request: HttpRequest, more: dict[str, Any], *, status: int) -> TemplateResponse:
    organization = Organization.objects.order_by("pk").first()
    found = mail.mailing(request.user, organization) if organization else None
    if organization is not None and found is None:
        raise Http404
    context = {
        "nav": "reviews",
        "now": timezone.now(),
        "mailing": found,
        "newest": reviews.newest_week(request.user, is_published=True),
        "is_demo": settings.POSTURE_DEMO,
        "may_manage": request.user.has_perm(actions.MANAGE),
        **more,
    }
    return TemplateResponse(request, "posture/review_mailing.html", context, status=status)


def _organization() -> Organization:
    found = Organization.objects.order_by("pk").first()
    if found is None:
        raise Http404
    return found


def _first_error(form: RecipientForm | ScheduleForm) -> str:
    name, errors = next(iter(form.errors.items()))
    return f"{name.replace('_', ' ').capitalize()}: {errors[0]}"
