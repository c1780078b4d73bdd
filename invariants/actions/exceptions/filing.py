"""Taking in evidence: what a file is, by its content, and where it is kept."""

import hashlib
import json
import re
import zipfile
from datetime import datetime
from io import BytesIO
from typing import Final
from uuid import uuid4

from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction

from invariants.actions.exceptions.recording import By
from invariants.actions.exceptions.talking import File, attach
from invariants.models import ExceptionEvidence
from invariants.policies.exceptions import NotAllowed
from invariants.policies.exceptions.filing import BIGGEST, TYPES

# The name of its storage in STORAGES: a folder outside the web root, or a bucket.
STORAGE: Final = "evidence"
KINDS: Final = (
    "a PDF, a Word or Excel document without macros, a PNG or JPEG picture, text, CSV or JSON"
)
_WORD: Final = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
_EXCEL: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
# By the ending of the name, and how the content begins.
_BEGINS: Final = {
    "pdf": ("application/pdf", b"%PDF-"),
    "png": ("image/png", b"\x89PNG\r\n\x1a\n"),
    "jpg": ("image/jpeg", b"\xff\xd8\xff"),
    "jpeg": ("image/jpeg", b"\xff\xd8\xff"),
}
_PARTS: Final = {"docx": (_WORD, "word/document.xml"), "xlsx": (_EXCEL, "xl/workbook.xml")}
_TEXTS: Final = {"txt": "text/plain", "log": "text/plain", "md": "text/plain", "csv": "text/csv"}
# Macros, and what else an office program would run.
_ACTIVE: Final = re.compile(r"vbaproject\.bin$|/activex/|/embeddings/|\.(?:exe|dll|js|vbs)$")
# Signs that no text has.
_NO_TEXT: Final = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_UNSAFE: Final = re.compile(r"[^\w .()\[\]+-]")
_LONGEST: Final = 150


def keep(by: By, pk: int, upload: "UploadedFile[bytes]", *, now: datetime) -> ExceptionEvidence:
    """Store a file as evidence of a request, and note it there, both or neither.

    :raises NotAllowed: where its size or content is not taken, or nothing is added to the record.
    """
    size = upload.size or 0
    if not 0 < size <= BIGGEST:
        raise NotAllowed((f"A file has {BIGGEST // 1024 // 1024} MB at most, and is not empty.",))
    content = upload.read()
    name = name_of(upload.name or "")
    kind = type_of(name, content)
    if kind not in TYPES:
        raise NotAllowed((f"{name} is not what its name says, or is not taken. Give {KINDS}.",))
    stored_as = f"{pk}/{uuid4().hex}"
    digest = hashlib.sha256(content).hexdigest()
    with transaction.atomic():
        row = attach(by, pk, File(name, kind, len(content), digest, stored_as), now=now)
        storages[STORAGE].save(stored_as, ContentFile(content))
    return row


def name_of(given: str) -> str:
    """The name of a file without folders and without signs that mean something to a computer."""
    last = given.replace("\\", "/").rpartition("/")[2]
    stem, dot, ending = _UNSAFE.sub("_", last).strip(" .").rpartition(".")
    safe = f"{stem[:_LONGEST]}{dot}{ending[:10]}"
    return safe or "file"


def type_of(name: str, content: bytes) -> str:
    """The media type, where name and content agree on one that is taken; else ""."""
    ending = name.rpartition(".")[2].lower()
    if ending in _BEGINS:
        kind, begin = _BEGINS[ending]
        return kind if content.startswith(begin) else ""
    if ending in _PARTS:
        kind, part = _PARTS[ending]
        return kind if _is_office(content, part) else ""
    if ending in _TEXTS:
        return _TEXTS[ending] if _is_text(content) else ""
    return "application/json" if ending == "json" and _is_json(content) else ""


def _is_office(content: bytes, part: str) -> bool:
    """An archive with the document, and without macros or embedded programs."""
    try:
        with zipfile.ZipFile(BytesIO(content)) as archive:
            names = {name.lower() for name in archive.namelist()}
    except (zipfile.BadZipFile, ValueError):
        return False
    is_active = any(_ACTIVE.search(name) for name in names)
    return "[content_types].xml" in names and part in names and not is_active


def _is_text(content: bytes) -> bool:
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return _NO_TEXT.search(content) is None


def _is_json(content: bytes) -> bool:
    try:
        json.loads(content)
    except (ValueError, RecursionError):
        return False
    return _is_text(content)
