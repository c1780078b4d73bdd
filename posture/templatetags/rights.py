"""{% load rights %}: what a page shows to people who may do less."""

import re
from typing import Final

from django import template
from django.contrib.auth.models import AnonymousUser
from django.template import Context
from django.utils.safestring import SafeString, mark_safe

from findings import access

register = template.Library()

# In what a template has written: values within attributes are escaped, so ">" ends the tag.
_OPENING: Final = re.compile(r'<a\b(?: (class="[^"]*"))?[^>]*>')


@register.simple_block_tag(takes_context=True)
def findings_link(context: Context, content: SafeString) -> SafeString:
    """What is within, with its links (to pages of findings) as plain text for who may not read them."""
    if access.may_read(context.get("user") or AnonymousUser()):
        return content
    plain = _OPENING.sub(lambda found: f"<span {found[1]}>" if found[1] else "<span>", content)
    # Nothing is added to what was safe already.
    return mark_safe(plain.replace("</a>", "</span>"))  # noqa: S308
