"""Answers of the services that speak XML, written from the output shapes of botocore's service models."""

import base64
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4
from xml.sax.saxutils import escape

from botocore.model import ListShape, MapShape, Shape, StructureShape

from sandbox.server.errors import EC2, QUERY, Answer
from sandbox.server.models import model_of


def render(service: str, protocol: str, operation: str, document: Mapping[str, Any]) -> Answer:
    """Write an answer whose members are named as in the model; what is None is left out.

    :param service: as `models.model_of` takes it
    """
    model = model_of(service)
    shape = model.operation_model(operation).output_shape
    inner = "".join(_members(shape, document)) if shape else ""
    if protocol == QUERY and shape is not None:
        wrapper = shape.serialization.get("resultWrapper", f"{operation}Result")
        inner = (
            f"<{wrapper}>{inner}</{wrapper}>"
            f"<ResponseMetadata><RequestId>{uuid4()}</RequestId></ResponseMetadata>"
        )
    elif protocol == EC2:
        inner = f"<requestId>{uuid4()}</requestId>{inner}"
    if shape is not None and "payload" in shape.serialization:
        # REST-XML: the one member is the whole body.
        text = inner
    else:
        space = model.metadata.get("xmlNamespace", "")
        text = f'<{operation}Response xmlns="{space}">{inner}</{operation}Response>'
    body = f'<?xml version="1.0" encoding="UTF-8"?>{text}'.encode()
    return Answer(200, body, (("Content-Type", "text/xml"),))


def _members(shape: Shape, document: Mapping[str, Any]) -> Iterator[str]:
    assert isinstance(shape, StructureShape)
    for member, inner in shape.members.items():
        value = document.get(member)
        if value is not None:
            yield _element(inner.serialization.get("name", member), inner, value)


def _element(name: str, shape: Shape, value: Any) -> str:
    return f"<{name}>{_content(shape, value)}</{name}>"


def _content(shape: Shape, value: Any) -> str:
    if isinstance(shape, StructureShape):
        return "".join(_members(shape, value))
    if isinstance(shape, ListShape):
        item = shape.member.serialization.get("name", "member")
        return "".join(_element(item, shape.member, one) for one in value)
    if isinstance(shape, MapShape):
        return "".join(
            f"<entry>{_element('key', shape.key, key)}{_element('value', shape.value, one)}</entry>"
            for key, one in value.items()
        )
    return _scalar(value)


def _scalar(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return escape(str(value))
