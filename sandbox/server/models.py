"""Which operation an HTTP request means, and its parameters, told from botocore's own service models."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import parse_qs, unquote

from botocore.exceptions import UnknownServiceError
from botocore.loaders import Loader
from botocore.model import OperationModel, ServiceModel, Shape, StructureShape

from sandbox.server.errors import JSON, PROTOCOLS, QUERY, REST_JSON, REST_XML, ApiError, Failure

# Folder names of botocore where they differ from the signing name.
_FOLDERS = {"access-analyzer": "accessanalyzer", "sso": "sso-admin"}
# S3 Control signs as S3; its paths begin with the version of its API.
_S3_CONTROL_PATH = "/v20180820/"
_LOADER = Loader()


@dataclass(frozen=True, slots=True)
class Wire:
    """A request as it came over HTTP."""

    method: str
    path: str
    """Percent-encoded, without the query."""
    query: str
    headers: Mapping[str, str]
    """Lower-case names."""
    body: bytes

    @property
    def decoded_path(self) -> str:
        """The path as WSGI wants it: decoded, as Latin-1 text."""
        return unquote(self.path, "latin-1")

    @property
    def target(self) -> str:
        """Path and query as they came."""
        return f"{self.path}?{self.query}" if self.query else self.path


@dataclass(frozen=True, slots=True)
class _Route:
    method: str
    pattern: re.Pattern[str]
    literal_query: frozenset[str]
    weight: int
    operation: str


@cache
def model_of(service: str) -> ServiceModel:
    """Read the model of a service by its signing name.

    :raises botocore.exceptions.UnknownServiceError: when botocore has no such service
    """
    folder = _FOLDERS.get(service, service)
    return ServiceModel(_LOADER.load_service_model(folder, "service-2"), folder)


def structure_of(service: str, name: str) -> StructureShape:
    """Give one structure of a service's model."""
    shape = model_of(service).shape_for(name)
    if not isinstance(shape, StructureShape):
        raise TypeError(f"{name} of {service} is no structure")
    return shape


def model_name_of(service: str, wire: Wire) -> str:
    """Name the model that describes a request: S3 Control has one of its own beside S3's."""
    if service == "s3" and wire.path.startswith(_S3_CONTROL_PATH):
        return "s3control"
    return service


def protocol_of(service: str, wire: Wire) -> str:
    """Tell the protocol that a request speaks; unknown services by the look of the request."""
    if service in PROTOCOLS:
        return PROTOCOLS[service]
    if "x-amz-target" in wire.headers:
        return JSON
    if wire.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return QUERY
    return REST_JSON


def read_operation(service: str, wire: Wire) -> tuple[str, dict[str, Any]]:
    """Tell (operation, parameters). The operation is empty when the request fits none.

    Parameters have the member names of the model. Those of query services and EC2 are flat strings; those of S3 are
    not read, because moto answers them.
    """
    target = wire.headers.get("x-amz-target", "")
    if target:
        return target.rpartition(".")[2], _json_object(wire.body)
    protocol = protocol_of(service, wire)
    if protocol == REST_XML:
        model = model_name_of(service, wire)
        if model == "s3":
            return _s3_operation(wire), {}
        return _rest_operation(model, wire)
    if protocol == REST_JSON:
        return _rest_operation(service, wire)
    form = parse_qs(wire.body.decode("utf-8", "replace") or wire.query, keep_blank_values=True)
    params = {name: values[-1] for name, values in form.items()}
    return params.pop("Action", ""), params


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body or b"{}")
    except ValueError as error:
        raise ApiError("SerializationException", f"The request is not JSON: {error}") from error
    if not isinstance(document, dict):
        raise ApiError("SerializationException", "The request is not a JSON object")
    return document


def _s3_operation(wire: Wire) -> str:
    """Name the S3 operations that a reader uses, in path style; any other is named after its method."""
    parts = wire.path.strip("/").split("/", 1) if wire.path.strip("/") else []
    names = {
        ("GET", 0): "ListBuckets",
        ("GET", 1): "ListObjectsV2",
        ("HEAD", 1): "HeadBucket",
        ("GET", 2): "GetObject",
        ("HEAD", 2): "HeadObject",
    }
    fallback = {"GET": "GetObject", "HEAD": "HeadObject"}.get(wire.method, "PutObject")
    return names.get((wire.method, len(parts)), fallback)


@cache
def _routes(service: str) -> tuple[_Route, ...]:
    model = model_of(service)
    routes = [_route(model.operation_model(name)) for name in model.operation_names]
    return tuple(sorted(routes, key=lambda route: -route.weight))


def _route(operation: OperationModel) -> _Route:
    path, _, query = operation.http["requestUri"].partition("?")
    pattern = ""
    for part in re.split(r"(\{[^}]+\})", path):
        label = re.fullmatch(r"\{(.+?)(\+?)\}", part)
        if label is None:
            pattern += re.escape(part)
        else:
            pattern += f"(?P<{label[1]}>.+)" if label[2] else f"(?P<{label[1]}>[^/]+)"
    literal = len(re.sub(r"\{[^}]+\}", "", path)) + len(query)
    return _Route(
        operation.http["method"],
        re.compile(pattern.rstrip("/") + "/?"),
        frozenset(query.split("&")) if query else frozenset(),
        literal,
        operation.name,
    )


def _rest_operation(service: str, wire: Wire) -> tuple[str, dict[str, Any]]:
    try:
        routes = _routes(service)
    except UnknownServiceError:
        return "", {}
    query = parse_qs(wire.query, keep_blank_values=True)
    for route in routes:
        match = route.pattern.fullmatch(wire.path)
        if match and route.method == wire.method and route.literal_query <= set(query):
            operation = model_of(service).operation_model(route.operation)
            return route.operation, _rest_params(operation, match.groupdict(), query, wire)
    return "", {}


def _rest_params(
    operation: OperationModel, labels: dict[str, str], query: dict[str, list[str]], wire: Wire
) -> dict[str, Any]:
    shape = operation.input_shape
    if shape is None:
        return {}
    document = _json_object(wire.body) if wire.body else {}
    params: dict[str, Any] = {}
    for member, member_shape in shape.members.items():
        name = member_shape.serialization.get("name", member)
        location = member_shape.serialization.get("location")
        if location == "uri" and name in labels:
            params[member] = unquote(labels[name])
        elif location == "header" and name.lower() in wire.headers:
            params[member] = wire.headers[name.lower()]
        elif location == "querystring" and name in query:
            params[member] = _from_query(member_shape, query[name])
        elif location is None and document.get(name) is not None:
            params[member] = document[name]
    missing = [name for name in shape.required_members if name not in params]
    if missing:
        raise Failure("invalid", f"Missing required parameter: {', '.join(sorted(missing))}")
    return params


def _from_query(shape: Shape, values: list[str]) -> Any:
    if shape.type_name == "list":
        return values
    if shape.type_name == "boolean":
        return values[-1] == "true"
    if shape.type_name in ("integer", "long"):
        try:
            return int(values[-1])
        except ValueError as error:
            raise Failure("invalid", f"Not a number: {values[-1]}") from error
    return values[-1]
