"""Standards and controls, as the catalogue operations of Security Hub tell them."""

from collections.abc import Mapping
from typing import Any

from sandbox.model import Control, Standard
from sandbox.server.calls import Call
from sandbox.server.errors import ApiError, Failure
from sandbox.server.world import Moment

_PAGE = 100


def _localised(arn: str, call: Call) -> str:
    """Write an ARN of the home Region's hub for the Region and account that are asked."""
    parts = arn.split(":")
    parts[3] = call.region if parts[3] else ""
    parts[4] = call.account_id if parts[4] else ""
    return ":".join(parts)


def _standards(moment: Moment, *, subscribed: bool = False) -> list[Standard]:
    return [item for item in moment.snapshot.standards if item.is_subscribed or not subscribed]


def describe_standards(call: Call, moment: Moment) -> Mapping[str, Any]:
    shown, token = call.page(moment, _standards(moment), default=_PAGE, largest=_PAGE)
    standards = [
        {
            "StandardsArn": _localised(standard.standards_arn, call),
            "Name": standard.name,
            "Description": standard.description,
            "EnabledByDefault": standard.enabled_by_default,
            "Provider": "AWS",
            "StandardsManagedBy": {"Company": "AWS", "Product": "Security Hub"},
        }
        for standard in shown
    ]
    return {"Standards": standards, "NextToken": token}


def get_enabled_standards(call: Call, moment: Moment) -> Mapping[str, Any]:
    wanted = call.params.get("StandardsSubscriptionArns") or []
    if len(wanted) > 25:
        raise Failure("invalid", "StandardsSubscriptionArns may have at most 25 items")
    enabled = [
        {
            "StandardsSubscriptionArn": _localised(standard.subscription_arn, call),
            "StandardsArn": _localised(standard.standards_arn, call),
            "StandardsInput": {},
            "StandardsStatus": "READY",
            "StandardsControlsUpdatable": "READY_FOR_UPDATES",
            "Provider": "AWS",
        }
        for standard in _standards(moment, subscribed=True)
    ]
    if wanted:
        enabled = [item for item in enabled if item["StandardsSubscriptionArn"] in wanted]
    shown, token = call.page(moment, enabled, default=_PAGE, largest=_PAGE)
    return {"StandardsSubscriptions": list(shown), "NextToken": token}


def describe_standards_controls(call: Call, moment: Moment) -> Mapping[str, Any]:
    wanted = call.params["StandardsSubscriptionArn"]
    for standard in _standards(moment, subscribed=True):
        if _localised(standard.subscription_arn, call) == wanted:
            break
    else:
        raise ApiError("ResourceNotFoundException", f"{wanted} was not found", status=404)
    controls = _controls_of(standard, moment)
    shown, token = call.page(moment, controls, default=_PAGE, largest=_PAGE)
    return {"Controls": [_standard_control(item, wanted) for item in shown], "NextToken": token}


def _controls_of(standard: Standard, moment: Moment) -> list[Control]:
    return [item for item in moment.snapshot.controls if standard.standards_id in item.standards]


def _standard_control(control: Control, subscription_arn: str) -> dict[str, Any]:
    arn = subscription_arn.replace(":subscription/", ":control/")
    return {
        "StandardsControlArn": f"{arn}/{control.control_id}",
        "ControlStatus": control.status,
        "DisabledReason": control.disabled_reason or None,
        "ControlStatusUpdatedAt": control.status_updated_at,
        "ControlId": control.control_id,
        "Title": control.title,
        "Description": control.description,
        "RemediationUrl": control.remediation_url,
        "SeverityRating": control.severity,
        "RelatedRequirements": [],
    }


def list_security_control_definitions(call: Call, moment: Moment) -> Mapping[str, Any]:
    controls = list(moment.snapshot.controls)
    wanted = call.params.get("StandardsArn")
    if wanted:
        found = [item for item in _standards(moment) if _is_standard(item, wanted)]
        if not found:
            raise Failure("invalid", f"Unknown standard {wanted}")
        controls = _controls_of(found[0], moment)
    shown, token = call.page(moment, controls, default=_PAGE, largest=_PAGE)
    definitions = [
        {
            "SecurityControlId": control.control_id,
            "Title": control.title,
            "Description": control.description,
            "RemediationUrl": control.remediation_url,
            "SeverityRating": control.severity,
            "CurrentRegionAvailability": "AVAILABLE",
            "CustomizableProperties": ["Parameters"] if control.parameters else [],
            "Provider": "AWS",
        }
        for control in shown
    ]
    return {"SecurityControlDefinitions": definitions, "NextToken": token}


def _is_standard(standard: Standard, arn: str) -> bool:
    """Compare without the Region: the same standard has an ARN in each."""
    return standard.standards_id == arn.split(":::")[-1].split("::")[-1]


def _control_arn(call: Call, control_id: str) -> str:
    return f"arn:aws:securityhub:{call.region}:{call.account_id}:security-control/{control_id}"


def batch_get_security_controls(call: Call, moment: Moment) -> Mapping[str, Any]:
    wanted = call.params["SecurityControlIds"]
    if not 1 <= len(wanted) <= _PAGE:
        raise Failure("invalid", f"SecurityControlIds must have 1 to {_PAGE} items")
    found, missing = [], []
    for item in wanted:
        control = moment.controls.get(item.rpartition("/")[2])
        if control is None:
            missing.append({"SecurityControlId": item, **_NOT_FOUND})
        else:
            found.append(_security_control(control, call))
    return {"SecurityControls": found, "UnprocessedIds": missing}


_NOT_FOUND = {"ErrorCode": "RESOURCE_NOT_FOUND", "ErrorReason": "The control does not exist"}


def _security_control(control: Control, call: Call) -> dict[str, Any]:
    return {
        "SecurityControlId": control.control_id,
        "SecurityControlArn": _control_arn(call, control.control_id),
        "Title": control.title,
        "Description": control.description,
        "RemediationUrl": control.remediation_url,
        "SeverityRating": control.severity,
        "SecurityControlStatus": control.status,
        "UpdateStatus": control.update_status,
        "Parameters": dict(control.parameters),
        "LastUpdateReason": control.disabled_reason or None,
        "Provider": "AWS",
    }


def _association(control: Control, standard: Standard, call: Call) -> dict[str, Any]:
    return {
        "StandardsArn": _localised(standard.standards_arn, call),
        "SecurityControlId": control.control_id,
        "SecurityControlArn": _control_arn(call, control.control_id),
        "AssociationStatus": control.status if standard.is_subscribed else "DISABLED",
        "RelatedRequirements": [],
        "UpdatedAt": control.status_updated_at,
        "UpdatedReason": control.disabled_reason or None,
        "StandardsControlTitle": control.title,
        "StandardsControlDescription": control.description,
    }


def list_standards_control_associations(call: Call, moment: Moment) -> Mapping[str, Any]:
    control = moment.controls.get(call.params["SecurityControlId"].rpartition("/")[2])
    if control is None:
        raise Failure("invalid", f"Unknown control {call.params['SecurityControlId']}")
    found = [
        _association(control, standard, call)
        for standard in _standards(moment, subscribed=True)
        if standard.standards_id in control.standards
    ]
    shown, token = call.page(moment, found, default=_PAGE, largest=_PAGE)
    return {"StandardsControlAssociationSummaries": list(shown), "NextToken": token}


def batch_get_standards_control_associations(call: Call, moment: Moment) -> Mapping[str, Any]:
    wanted = call.params["StandardsControlAssociationIds"]
    if not 1 <= len(wanted) <= _PAGE:
        raise Failure("invalid", f"StandardsControlAssociationIds must have 1 to {_PAGE} items")
    details, missing = [], []
    for item in wanted:
        control = moment.controls.get(str(item.get("SecurityControlId", "")).rpartition("/")[2])
        arn = str(item.get("StandardsArn", ""))
        standard = next((s for s in _standards(moment) if _is_standard(s, arn)), None)
        if control and standard and standard.standards_id in control.standards:
            arns = [_standard_control_arn(standard, control, call)]
            details.append({**_association(control, standard, call), "StandardsControlArns": arns})
        else:
            missing.append({"StandardsControlAssociationId": item, **_NOT_FOUND})
    return {"StandardsControlAssociationDetails": details, "UnprocessedAssociations": missing}


def _standard_control_arn(standard: Standard, control: Control, call: Call) -> str:
    arn = _localised(standard.subscription_arn, call).replace(":subscription/", ":control/")
    return f"{arn}/{control.control_id}"
