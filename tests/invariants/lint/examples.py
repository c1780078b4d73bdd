"""For each rule a policy that breaks it and one that means the same and does not."""

SCP = "SERVICE_CONTROL_POLICY"
RCP = "RESOURCE_CONTROL_POLICY"
S3_POLICY = "S3_POLICY"

PLATFORM = "arn:aws:iam::*:role/protected/Platform"


def policy(*statements):
    return {"Version": "2012-10-17", "Statement": list(statements)}


def deny(action="s3:DeleteBucket", resource="*", **rest):
    return {"Effect": "Deny", "Action": action, "Resource": resource, **rest}


def deny_if(condition, action="s3:DeleteBucket", resource="*"):
    return policy(deny(action, resource, Condition=condition))


def rcp(condition=None, action="s3:*"):
    statement = {"Effect": "Deny", "Principal": "*", "Action": action, "Resource": "*"}
    return policy(statement | ({"Condition": condition} if condition else {}))


def exempt(role):
    return {"ArnNotLike": {"aws:PrincipalArn": role}}


def regions(*global_services, **rest):
    condition = {"StringNotEquals": {"aws:RequestedRegion": ["eu-central-1"]}}
    return policy(
        {
            "Effect": "Deny",
            "NotAction": list(global_services),
            "Resource": "*",
            "Condition": condition,
            **rest,
        }
    )


GLOBAL_SERVICES = [
    f"{name}:*"
    for name in [
        "account",
        "budgets",
        "ce",
        "cloudfront",
        "globalaccelerator",
        "health",
        "iam",
        "organizations",
        "route53",
        "shield",
        "sts",
        "support",
        "trustedadvisor",
    ]
]
OURS = {"StringNotEquals": {"aws:PrincipalOrgID": "o-exampleorg1"}}
NOT_SERVICES = {"BoolIfExists": {"aws:PrincipalIsAWSService": "false"}}

# Rule id: (type of policy, a policy that breaks the rule, one that does not, a part of the message).
EXAMPLES = {
    "syntax": (
        SCP,
        policy({"Effect": "Deny", "Action": "s3:*", "Resource": "*", "Conditions": {}}),
        policy(deny()),
        "no such element",
    ),
    "scp-grammar": (SCP, rcp(), policy(deny("s3:*")), "Principal"),
    "rcp-grammar": (RCP, rcp(action="*"), rcp(action="s3:*"), "RCP"),
    "old-version": (SCP, {"Statement": [deny()]}, policy(deny()), "The version is not 2012-10-17"),
    "operator-spelling": (
        RCP,
        rcp({"ForAnyValue:Stringlike": {"aws:TagKeys": ["a"]}}),
        rcp({"ForAnyValue:StringLike": {"aws:TagKeys": ["a"]}}),
        "is written ForAnyValue:StringLike",
    ),
    "key-spelling": (
        SCP,
        deny_if({"ArnNotLike": {"aws:principalARN": PLATFORM}}),
        deny_if(exempt(PLATFORM)),
        "is written aws:PrincipalArn",
    ),
    "key-unknown": (
        SCP,
        deny_if({"StringEquals": {"aws:PrincipalAcount": "111122223333"}}),
        deny_if({"StringEquals": {"aws:PrincipalAccount": "111122223333"}}),
        'no condition key "aws:PrincipalAcount"',
    ),
    "placeholder": (
        SCP,
        policy(deny("cloudtrail:StopLogging", "arn:aws:cloudtrail:*:${Account}:trail/main")),
        policy(deny("cloudtrail:StopLogging", "arn:aws:cloudtrail:*:*:trail/main")),
        "${Account} is no variable",
    ),
    "wildcard-in-equals": (
        SCP,
        deny_if({"StringEquals": {"aws:RequestedRegion": "*"}}, "backup:DeleteRecoveryPoint"),
        deny_if({"StringLike": {"aws:RequestedRegion": "*"}}, "backup:DeleteRecoveryPoint"),
        'compares "*" literally',
    ),
    "if-exists-on-negated": (
        RCP,
        rcp({"StringNotEqualsIfExists": {"aws:PrincipalOrgID": "o-exampleorg1"}} | NOT_SERVICES),
        rcp(OURS | NOT_SERVICES),
        "without IfExists",
    ),
    "set-operator-on-single": (
        SCP,
        deny_if({"ForAnyValue:StringEquals": {"aws:RequestedRegion": ["eu-west-1"]}}),
        deny_if({"StringEquals": {"aws:RequestedRegion": ["eu-west-1"]}}),
        "has one value",
    ),
    "set-operator-missing": (
        SCP,
        deny_if({"StringLike": {"aws:PrincipalOrgPaths": "o-a/*"}}),
        deny_if({"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": "o-a/*"}}),
        "may have several values",
    ),
    "for-all-without-null": (
        SCP,
        deny_if({"ForAllValues:StringLike": {"aws:TagKeys": ["a*"]}}, "iam:TagRole"),
        deny_if(
            {
                "ForAllValues:StringLike": {"aws:TagKeys": ["a*"]},
                "Null": {"aws:TagKeys": "false"},
            },
            "iam:TagRole",
        ),
        "where aws:TagKeys is absent",
    ),
    "for-any-if-exists": (
        SCP,
        deny_if({"ForAnyValue:StringLikeIfExists": {"aws:TagKeys": ["a*"]}}, "iam:TagRole"),
        deny_if({"ForAnyValue:StringLike": {"aws:TagKeys": ["a*"]}}, "iam:TagRole"),
        "is not documented",
    ),
    "mfa-without-if-exists": (
        SCP,
        deny_if({"Bool": {"aws:MultiFactorAuthPresent": "false"}}),
        deny_if({"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}}),
        "long-term keys",
    ),
    "bool-without-if-exists": (
        SCP,
        deny_if({"Bool": {"rds:StorageEncrypted": "false"}}, "rds:CreateDBInstance"),
        deny_if({"BoolIfExists": {"rds:StorageEncrypted": "false"}}, "rds:CreateDBInstance"),
        "Requests without rds:StorageEncrypted are not denied",
    ),
    "absent-parameter": (
        SCP,
        deny_if(
            {"StringNotEquals": {"s3:x-amz-object-ownership": "BucketOwnerEnforced"}},
            "s3:CreateBucket",
        ),
        deny_if(
            {
                "StringNotEquals": {"s3:x-amz-object-ownership": "BucketOwnerEnforced"},
                "Null": {"s3:x-amz-object-ownership": "false"},
            },
            "s3:CreateBucket",
        ),
        "Requests without s3:x-amz-object-ownership are denied",
    ),
    "either-exemption": (
        SCP,
        deny_if(
            exempt(PLATFORM) | {"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}},
            "sts:AssumeRoot",
        ),
        policy(
            deny("sts:AssumeRoot", Condition=exempt(PLATFORM)),
            deny(
                "sts:AssumeRoot",
                Condition={"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}},
            ),
        ),
        "Either aws:PrincipalArn or aws:SourceIp",
    ),
    "split-exemption": (
        SCP,
        policy(
            deny("iam:*", Sid="One", Condition=exempt("arn:aws:iam::*:role/protected/A")),
            deny("iam:CreateUser", Condition=exempt("arn:aws:iam::*:role/protected/B")),
        ),
        policy(
            deny(
                ["iam:*"],
                Condition=exempt(
                    ["arn:aws:iam::*:role/protected/A", "arn:aws:iam::*:role/protected/B"]
                ),
            )
        ),
        "One has another list",
    ),
    "rcp-without-service-carve-out": (
        RCP,
        rcp(OURS, "sts:AssumeRole"),
        rcp(OURS | NOT_SERVICES, "sts:AssumeRole"),
        "AWS services as callers are denied",
    ),
    "rcp-role-of-any-account": (
        RCP,
        rcp(exempt("arn:aws:iam::*:role/Reader") | NOT_SERVICES),
        rcp(exempt("arn:aws:iam::111122223333:role/Reader") | NOT_SERVICES),
        "every account in the world",
    ),
    "role-name-wildcard": (
        SCP,
        deny_if(exempt("arn:aws:iam::*:role/*admin*")),
        deny_if(exempt("arn:aws:iam::*:role/protected/Admin")),
        "Anybody who may create roles",
    ),
    "session-arn": (
        SCP,
        deny_if(exempt("arn:aws:sts::111122223333:assumed-role/Admin/jo")),
        deny_if(exempt("arn:aws:iam::111122223333:role/Admin")),
        "is the ARN of a session",
    ),
    "unguarded-tag": (
        SCP,
        deny_if({"StringNotEquals": {"aws:PrincipalTag/exempt": "true"}}),
        policy(
            deny(Condition={"StringNotEquals": {"aws:PrincipalTag/exempt": "true"}}),
            deny(
                ["iam:TagRole", "iam:TagUser", "sts:TagSession"],
                Condition={"ForAnyValue:StringEquals": {"aws:TagKeys": ["exempt"]}}
                | exempt(PLATFORM),
            ),
        ),
        'Nothing guards the tag "exempt"',
    ),
    "region-without-global-services": (
        SCP,
        regions("iam:*", "sts:*"),
        regions(*GLOBAL_SERVICES),
        "budgets, ce, cloudfront",
    ),
    "action-unknown": (
        SCP,
        policy(deny("ec2:AttachEgressOnlyInternetGateway")),
        policy(deny("ec2:CreateEgressOnlyInternetGateway")),
        'called "ec2:AttachEgressOnlyInternetGateway"',
    ),
    "not-action-unknown": (
        SCP,
        regions(*GLOBAL_SERVICES, "nosuchservice:*"),
        regions(*GLOBAL_SERVICES),
        'called "nosuchservice:*"',
    ),
    "key-not-for-action": (
        SCP,
        deny_if(
            {"ArnNotLike": {"iam:PermissionsBoundary": "arn:aws:iam::*:policy/B"}},
            ["iam:CreateRole", "iam:DeletePolicy"],
        ),
        deny_if(
            {"ArnNotLike": {"iam:PermissionsBoundary": "arn:aws:iam::*:policy/B"}},
            ["iam:CreateRole"],
        ),
        "iam:DeletePolicy has no iam:PermissionsBoundary, so the Deny is unconditional",
    ),
    "action-without-resource": (
        SCP,
        policy(deny("s3:ListAllMyBuckets", "arn:aws:s3:::secret")),
        policy(deny("s3:ListAllMyBuckets")),
        "has no resources and is never denied",
    ),
    "resource-of-other-service": (
        SCP,
        policy(deny("kms:ScheduleKeyDeletion", "arn:aws:s3:::keys")),
        policy(deny("kms:ScheduleKeyDeletion", "arn:aws:kms:*:*:key/*")),
        "kms:ScheduleKeyDeletion works on no such resource",
    ),
    "rcp-unsupported-service": (
        RCP,
        rcp(action="sns:Publish"),
        rcp(action="sqs:SendMessage"),
        "sns was not on AWS's list",
    ),
    "denies-switching-on": (
        SCP,
        policy(deny("guardduty:UpdateDetector")),
        policy(deny("guardduty:DeleteDetector")),
        "the only call that enables features",
    ),
    "too-large": (
        RCP,
        rcp({"StringEquals": {"aws:PrincipalAccount": [f"{n:012}" for n in range(400)]}}),
        rcp({"StringEquals": {"aws:PrincipalAccount": [f"{n:012}" for n in range(40)]}}),
        "of 5120",
    ),
    "nearly-full": (
        RCP,
        rcp({"StringEquals": {"aws:PrincipalAccount": [f"{n:012}" for n in range(325)]}}),
        rcp({"StringEquals": {"aws:PrincipalAccount": [f"{n:012}" for n in range(40)]}}),
        "of 5120",
    ),
}
