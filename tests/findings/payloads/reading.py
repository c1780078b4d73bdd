"""Reading whole documents, as the import of files does."""

from functools import partial

from findings.normalise import batch, reader
from findings.normalise.records import Page, Unreadable


def page_of(document, context=None, shape=""):
    """Return all findings of a document, and what of it cannot be read."""
    findings, rejected = [], []
    for raw, known in reader.entries(document, context):
        parse = partial(reader.read, shape=shape, context=known)
        page = batch.page([raw], parse=parse, shape=shape or told(raw), context=known)
        findings += page.findings
        rejected += page.rejected
    return Page(tuple(findings), tuple(rejected), None)


def told(raw):
    """Return the format of a finding, "" where nothing tells it."""
    try:
        return reader.shape_of(raw)
    except Unreadable:
        return ""
