"""Writing in a weekly review: each form posts to an address of its own and gets its part of the page."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.contrib.auth.models import User
from django.core.exceptions import ObjectDoesNotExist
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST
from django_htmx.http import trigger_client_event

from inventory import web
from posture import tasks
from posture.actions import reviews as actions
from posture.actions.reviews import CannotPublish, Changed, Published, Refused
from posture.forms.reviews import (
    ActionForm,
    AnswerForm,
    CloseForm,
    DecisionForm,
    ErratumForm,
    MoveForm,
    NoteForm,
    QuestionForm,
    ReviewForm,
)
from posture.models import ReviewAction, ReviewNote, ReviewQuestion, WeeklyReview
from posture.queries import reviews
from posture.views import review_desk
from posture.views.review_desk import SECTIONS, Conflict, Opened
from posture.views.reviews import actions_context, page_context

# Parts of the page that change with others and hold no form: they come along with every answer.
_BESIDE: Final = {
    name: f"posture/_review_{name}.html" for name in ("check", "narrative", "agenda", "publish")
}
_REMOVED: Final = "Somebody removed it while you were writing."


class _TooLate(Exception):
    """Somebody else ended it first."""


@dataclass(frozen=True, slots=True)
class _Post:
    """What was sent, and the part of the page it came from; `week` "" is the page of all actions."""

    request: HttpRequest
    week: str
    section: str

    @property
    def address(self) -> str:
        if not self.week:
            return reverse("posture:review_actions")
        return reverse("posture:review", args=[self.week])


editing = permission_required("posture.edit_reviews", raise_exception=True)
publishing = permission_required("posture.publish_reviews", raise_exception=True)


@require_POST
@editing
def review_answer(request: HttpRequest, week: str) -> HttpResponseBase:
    form, review = AnswerForm(request.POST), _review(request, week)

    def write() -> None:
        try:
            actions.write(_person(request), review, **_values(form), now=timezone.now())
        except Changed:
            # Who saves once more has seen the other text, which now stands above the form.
            review.refresh_from_db(fields=["answer", "headline", "narrative"])
            form.renew(seen=reviews.seen(review))
            raise

    return _save(_Post(request, week, "answer"), form, write, said="Saved")


@require_POST
@editing
def review_notes(request: HttpRequest, week: str) -> HttpResponseBase:
    now = timezone.now()
    form, review = NoteForm(request.POST, today=now.date()), _review(request, week)

    def annotate() -> None:
        actions.annotate(_person(request), review, **_values(form), now=now)

    return _save(_Post(request, week, "notes"), form, annotate, said="Note added")


@require_POST
@editing
def review_note(request: HttpRequest, week: str, pk: str) -> HttpResponseBase:
    """Changes a note, or removes it."""
    review = _review(request, week)
    now = timezone.now()
    form = NoteForm(request.POST, key=pk, today=now.date())

    def note() -> ReviewNote:
        return ReviewNote.objects.visible_to(request.user).get(review=review, pk=pk)

    def change() -> None:
        values = _values(form)
        actions.change_note(_person(request), note(), **values, now=now)

    def remove() -> None:
        actions.remove_note(_person(request), note(), now=now)

    if request.POST.get("do") == "remove":
        return _save(
            _Post(request, week, "notes"), form, remove, said="Note removed", is_removal=True
        )
    return _save(_Post(request, week, "notes"), form, change, said="Note saved")


@require_POST
@editing
def review_questions(request: HttpRequest, week: str) -> HttpResponseBase:
    form, review = QuestionForm(request.POST), _review(request, week)

    def ask() -> None:
        actions.ask(_person(request), review, **_values(form), now=timezone.now())

    return _save(_Post(request, week, "questions"), form, ask, said="Question added")


@require_POST
@editing
def review_question(request: HttpRequest, week: str, pk: str) -> HttpResponseBase:
    """Writes down what was decided, or removes the question."""
    review = _review(request, week)
    form = DecisionForm(request.POST, key=pk)

    def decide() -> None:
        row = ReviewQuestion.objects.get(review=review, pk=pk)
        actions.decide(_person(request), row, **_values(form), now=timezone.now())

    def remove() -> None:
        row = ReviewQuestion.objects.get(review=review, pk=pk)
        actions.remove_question(_person(request), row, now=timezone.now())

    if request.POST.get("do") == "remove":
        said = "Question removed"
        return _save(_Post(request, week, "questions"), form, remove, said=said, is_removal=True)
    return _save(_Post(request, week, "questions"), form, decide, said="Decision saved")


@require_POST
@editing
def review_new_action(request: HttpRequest, week: str) -> HttpResponseBase:
    review = _review(request, week)
    form = ActionForm(request.POST, today=timezone.now().date())

    def add() -> None:
        actions.add_action(_person(request), review, **_values(form), now=timezone.now())

    return _save(_Post(request, week, "actions"), form, add, said="Action added")


@require_POST
@editing
def review_action(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Moves the date of an action, or closes it; from the page of a week or that of all actions."""
    now = timezone.now()
    action = ReviewAction.objects.visible_to(request.user).filter(pk=pk).first()
    if action is None:
        raise Http404
    form: ReviewForm
    act: Callable[..., ReviewAction]
    if request.POST.get("do") == "close":
        form, act = CloseForm(request.POST, key=str(pk)), actions.close_action
    else:
        form, act = MoveForm(request.POST, key=str(pk), today=now.date()), actions.move_due

    def change() -> None:
        try:
            act(_person(request), action, **_values(form), now=now)
        except Refused as e:
            action.refresh_from_db(fields=["outcome"])
            if action.outcome:  # it has no form any more that could show what was written
                raise _TooLate(str(e)) from e
            raise

    back = request.POST.get("back", "")
    week = back if back and review_desk.review(request.user, back) else ""
    return _save(_Post(request, week, "actions"), form, change, said="Saved")


@require_POST
@publishing
def review_errata(request: HttpRequest, week: str) -> HttpResponseBase:
    form, review = ErratumForm(request.POST), _review(request, week)

    def correct() -> None:
        actions.add_erratum(_person(request), review, **_values(form), now=timezone.now())

    return _save(_Post(request, week, "errata"), form, correct, said="Erratum added")


@require_POST
@publishing
def review_publish(request: HttpRequest, week: str) -> HttpResponseBase:
    try:
        actions.publish(_person(request), _review(request, week), now=timezone.now())
    except CannotPublish:
        conflict = Conflict("publish", "What is still to do stands below.")
        return _refused(_Post(request, week, "publish"), None, conflict)
    except Refused as e:
        return _refused(_Post(request, week, "publish"), None, Conflict("publish", str(e)))
    tasks.mail_review.delay_on_commit(  # type: ignore[attr-defined]
        review_id=_review(request, week).pk, by=request.user.get_username()
    )
    messages.success(request, f"The review of {week} is published.")
    return redirect("posture:review", week=week)


def _save(
    post: _Post, form: ReviewForm, act: Callable[[], object], *, said: str, is_removal: bool = False
) -> HttpResponseBase:
    """Does it and shows the part of the page anew, or says why not: what was written stays there."""
    if not (is_removal or form.is_valid()):
        return _refused(post, form)
    try:
        act()
    except (Published, _TooLate) as e:
        return _refused(post, None, Conflict(post.section, str(e), form.written()))
    except ObjectDoesNotExist:
        text = "" if is_removal else form.written()
        return _refused(post, None, Conflict(post.section, _REMOVED, text))
    except Refused as e:
        if is_removal:
            return _refused(post, None, Conflict(post.section, str(e)))
        form.add_error(None, str(e))
        return _refused(post, form)
    if not web.is_fragment(post.request):
        messages.success(post.request, f"{said}.")
        return redirect(f"{post.address}#{post.section}")
    return trigger_client_event(
        _part(post, status=200, opened=Opened(done=form.name)), "toast", {"text": said}
    )


def _refused(
    post: _Post, form: ReviewForm | None, conflict: Conflict | None = None
) -> TemplateResponse:
    """The page, or its part, with the form as it was sent. Status 422."""
    if web.is_fragment(post.request):
        return _part(post, status=422, opened=Opened(bound=form), conflict=conflict)
    template = "posture/review_detail.html" if post.week else "posture/review_actions.html"
    context = _context(post, Opened(bound=form), conflict)
    return TemplateResponse(post.request, template, context, status=422)


def _part(
    post: _Post, *, status: int, opened: Opened, conflict: Conflict | None = None
) -> TemplateResponse:
    """The part of the page that htmx replaces, and those beside it that change with it."""
    context = _context(post, opened, conflict)
    template = "posture/review_part.html" if post.week else "posture/review_actions.html#board"
    if post.week:
        within = {"answer": "check", "publish": "publish"}.get(post.section)
        context["section"] = SECTIONS[post.section]
        context["beside"] = [path for name, path in _BESIDE.items() if name != within]
    return TemplateResponse(post.request, template, context, status=status)


def _context(post: _Post, opened: Opened, conflict: Conflict | None) -> dict[str, Any]:
    if not post.week:
        return actions_context(post.request, opened=opened, conflict=conflict)
    return page_context(post.request, post.week, opened=opened, conflict=conflict)


def _review(request: HttpRequest, week: str) -> WeeklyReview:
    """:raises Http404: where there is none for this person."""
    found = review_desk.review(request.user, week)
    if found is None:
        raise Http404
    return found


def _values(form: ReviewForm) -> dict[str, Any]:
    return dict(form.cleaned_data)


def _person(request: HttpRequest) -> User:
    """Whoever passed the decorator has signed in."""
    if not isinstance(request.user, User):
        raise Http404
    return request.user
