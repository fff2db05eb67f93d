"""Define the kinds of objects that the endpoint records, their properties, and which of these are required.

The source of every list is Snowflake's reference of the CREATE command. Some kinds have more grammar than properties:
policies, alerts, and the triggers of resource monitors. These kinds name the function that reads it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from local_stack.endpoint.engine.authentication import KEYS, require_public_key
from local_stack.endpoint.errors import compilation_error
from local_stack.endpoint.features.objects import bodies
from local_stack.endpoint.language.options import (
    SESSION_PARAMETERS,
    PropertyReader,
    boolean,
    integer,
    integer_or_null,
    name,
    names,
    nested,
    one_of,
    pairs,
    text,
    texts,
    word,
)
from local_stack.endpoint.statements import SqlError

Place = Literal["account", "database", "schema"]
_COMMENT: dict[str, PropertyReader] = {"COMMENT": text}


@dataclass(frozen=True)
class ObjectKind:
    """Describe one kind of recorded object.

    `words` are those of CREATE. `stored` is the kind in the registry. `type` tells integrations apart.
    `check` raises SqlError for values that do not go together. `body` reads to the end of the statement what is not a
    property (policies, alerts), and returns it as further values. `secret` names the properties that SHOW and DESCRIBE
    never return.
    """

    words: tuple[str, ...]
    plural: str
    place: Place
    readers: Mapping[str, PropertyReader]
    required: tuple[str, ...] = ()
    stored: str = ""
    type: str = ""
    accepts_with: bool = False
    or_alter: bool = False
    check: Callable[[Mapping[str, Any]], None] = lambda values: None
    body: Callable[..., dict[str, Any]] | None = None
    secret: frozenset[str] = frozenset()
    defaults: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return " ".join(self.words)

    @property
    def kind(self) -> str:
        return self.stored or self.name


def _missing(*properties: str) -> SqlError:
    return compilation_error(f"Missing option(s): [{', '.join(properties)}]", 2029, "42601")


def _check_warehouse(values: Mapping[str, Any]) -> None:
    low, high = values.get("MIN_CLUSTER_COUNT", 1), values.get("MAX_CLUSTER_COUNT", 10)
    if low > high:
        raise compilation_error(f"invalid value [{low}] for parameter 'MIN_CLUSTER_COUNT'", 1008, "22023")


def _check_user(values: Mapping[str, Any]) -> None:
    for key in (values.get(one) for one in KEYS):
        if key:
            require_public_key(key)
    if values.get("TYPE") == "SERVICE":
        for forbidden in (
            "PASSWORD",
            "FIRST_NAME",
            "MIDDLE_NAME",
            "LAST_NAME",
            "MUST_CHANGE_PASSWORD",
            "MINS_TO_BYPASS_MFA",
        ):
            if forbidden in values:
                raise compilation_error(f"Cannot set {forbidden} on users with TYPE=SERVICE.", 3540, "42601")


def _check_storage(values: Mapping[str, Any]) -> None:
    if str(values["STORAGE_PROVIDER"]).startswith("S3") and "STORAGE_AWS_ROLE_ARN" not in values:
        raise _missing("STORAGE_AWS_ROLE_ARN")
    if values["STORAGE_PROVIDER"] == "AZURE" and "AZURE_TENANT_ID" not in values:
        raise _missing("AZURE_TENANT_ID")


_SECRET_TYPES = {
    "PASSWORD": ("USERNAME", "PASSWORD"),
    "GENERIC_STRING": ("SECRET_STRING",),
    "SYMMETRIC_KEY": ("ALGORITHM",),
    "CLOUD_PROVIDER_TOKEN": ("API_AUTHENTICATION",),
    "OAUTH2": ("API_AUTHENTICATION",),
}


def _check_secret(values: Mapping[str, Any]) -> None:
    wanted = _SECRET_TYPES[values["TYPE"]]
    if missing := [p for p in wanted if p not in values]:
        raise _missing(*missing)
    optional = {"TYPE", "COMMENT", *wanted}
    if values["TYPE"] == "OAUTH2":
        optional |= {"OAUTH_SCOPES", "OAUTH_REFRESH_TOKEN", "OAUTH_REFRESH_TOKEN_EXPIRY_TIME"}
    if extra := sorted(set(values) - optional):
        raise compilation_error(f"invalid property '{extra[0]}' for 'SECRET' of type {values['TYPE']}", 1422, "22023")


def _check_network_rule(values: Mapping[str, Any]) -> None:
    mode, kind = values.get("MODE", "INGRESS"), values["TYPE"]
    if (kind in ("HOST_PORT", "PRIVATE_HOST_PORT")) != (mode == "EGRESS"):
        raise compilation_error(f"Network rule type {kind} cannot be used with mode {mode}.", 1008, "22023")


def _check_notification(values: Mapping[str, Any]) -> None:
    wanted = {"WEBHOOK": ("WEBHOOK_URL",), "QUEUE": ("NOTIFICATION_PROVIDER",)}.get(values["TYPE"], ())
    if missing := [p for p in wanted if p not in values]:
        raise _missing(*missing)


_SIZES = one_of(
    "XSMALL", "SMALL", "MEDIUM", "LARGE", "XLARGE", "XXLARGE", "XXXLARGE", "X4LARGE", "X5LARGE", "X6LARGE",
    X_SMALL="XSMALL", X_LARGE="XLARGE", X2LARGE="XXLARGE", **{"2X_LARGE": "XXLARGE", "3X_LARGE": "XXXLARGE",
    "X3LARGE": "XXXLARGE",
    "4X_LARGE": "X4LARGE", "5X_LARGE": "X5LARGE", "6X_LARGE": "X6LARGE"},
)  # fmt: skip


def _integration(
    kind: str, readers: Mapping[str, PropertyReader], required: tuple[str, ...], **options: Any
) -> ObjectKind:
    return ObjectKind(
        (*kind.split("_"), "INTEGRATION"), "INTEGRATIONS", "account", {**readers, "ENABLED": boolean, **_COMMENT},
        (*required, "ENABLED"), stored="INTEGRATION", type=kind, **options,
    )  # fmt: skip


KINDS: tuple[ObjectKind, ...] = (
    ObjectKind(
        ("WAREHOUSE",), "WAREHOUSES", "account",
        {
            "WAREHOUSE_TYPE": one_of("STANDARD", "SNOWPARK-OPTIMIZED"), "WAREHOUSE_SIZE": _SIZES, "GENERATION": text,
            "RESOURCE_CONSTRAINT": word, "MAX_CLUSTER_COUNT": integer, "MIN_CLUSTER_COUNT": integer,
            "SCALING_POLICY": one_of("STANDARD", "ECONOMY"), "AUTO_SUSPEND": integer_or_null, "AUTO_RESUME": boolean,
            "INITIALLY_SUSPENDED": boolean, "RESOURCE_MONITOR": name, "ENABLE_QUERY_ACCELERATION": boolean,
            "QUERY_ACCELERATION_MAX_SCALE_FACTOR": integer, "MAX_CONCURRENCY_LEVEL": integer,
            "STATEMENT_QUEUED_TIMEOUT_IN_SECONDS": integer, "STATEMENT_TIMEOUT_IN_SECONDS": integer,
            "WAIT_FOR_COMPLETION": boolean, **_COMMENT,
        },
        accepts_with=True, or_alter=True, check=_check_warehouse,
        defaults={"WAREHOUSE_SIZE": "XSMALL", "AUTO_SUSPEND": 600, "AUTO_RESUME": True},
    ),
    ObjectKind(("ROLE",), "ROLES", "account", _COMMENT, or_alter=True),
    ObjectKind(("DATABASE", "ROLE"), "DATABASE ROLES", "database", _COMMENT, or_alter=True),
    ObjectKind(
        ("USER",), "USERS", "account",
        {
            "PASSWORD": text, "LOGIN_NAME": name, "DISPLAY_NAME": name, "FIRST_NAME": text, "MIDDLE_NAME": text,
            "LAST_NAME": text,
            "EMAIL": text, "MUST_CHANGE_PASSWORD": boolean, "DISABLED": boolean, "DAYS_TO_EXPIRY": integer,
            "MINS_TO_UNLOCK": integer,
            "DEFAULT_WAREHOUSE": name, "DEFAULT_NAMESPACE": name, "DEFAULT_ROLE": name, "DEFAULT_SECONDARY_ROLES": texts,
            "MINS_TO_BYPASS_MFA": integer, "RSA_PUBLIC_KEY": text, "RSA_PUBLIC_KEY_2": text, "NETWORK_POLICY": name,
            "TYPE": one_of("PERSON", "SERVICE", "LEGACY_SERVICE"), **_COMMENT, **SESSION_PARAMETERS,
        },
        accepts_with=True, or_alter=True, check=_check_user, secret=frozenset({"PASSWORD"}),
    ),
    _integration(
        "STORAGE",
        {
            "TYPE": one_of("EXTERNAL_STAGE"), "STORAGE_PROVIDER": one_of("S3", "S3GOV", "S3CHINA", "S3COMPAT", "GCS", "AZURE"),
            "STORAGE_AWS_ROLE_ARN": text, "STORAGE_AWS_EXTERNAL_ID": text, "STORAGE_AWS_OBJECT_ACL": text,
            "AZURE_TENANT_ID": text,
            "STORAGE_ALLOWED_LOCATIONS": texts, "STORAGE_BLOCKED_LOCATIONS": texts, "USE_PRIVATELINK_ENDPOINT": boolean,
        },
        ("TYPE", "STORAGE_PROVIDER", "STORAGE_ALLOWED_LOCATIONS"), check=_check_storage,
    ),
    _integration(
        "API",
        {
            "API_PROVIDER": word, "API_AWS_ROLE_ARN": text, "API_KEY": text, "AZURE_TENANT_ID": text,
            "AZURE_AD_APPLICATION_ID": text,
            "GOOGLE_AUDIENCE": text, "API_ALLOWED_PREFIXES": texts, "API_BLOCKED_PREFIXES": texts,
            "ALLOWED_AUTHENTICATION_SECRETS": names,
        },
        ("API_PROVIDER", "API_ALLOWED_PREFIXES"), secret=frozenset({"API_KEY"}),
    ),
    _integration(
        "NOTIFICATION",
        {
            "TYPE": one_of("EMAIL", "WEBHOOK", "QUEUE"), "ALLOWED_RECIPIENTS": texts, "DEFAULT_RECIPIENTS": texts,
            "DEFAULT_SUBJECT": text,
            "WEBHOOK_URL": text, "WEBHOOK_SECRET": name, "WEBHOOK_BODY_TEMPLATE": text, "WEBHOOK_HEADERS": pairs,
            "NOTIFICATION_PROVIDER": word, "DIRECTION": one_of("INBOUND", "OUTBOUND"), "AWS_SNS_TOPIC_ARN": text,
            "AWS_SNS_ROLE_ARN": text,
            "AZURE_STORAGE_QUEUE_PRIMARY_URI": text, "AZURE_TENANT_ID": text, "GCP_PUBSUB_SUBSCRIPTION_NAME": text,
            "GCP_PUBSUB_TOPIC_NAME": text,
        },
        ("TYPE",), check=_check_notification,
    ),
    _integration(
        "EXTERNAL_ACCESS",
        {
            "ALLOWED_NETWORK_RULES": names, "ALLOWED_API_AUTHENTICATION_INTEGRATIONS": names,
            "ALLOWED_AUTHENTICATION_SECRETS": names,
        },
        ("ALLOWED_NETWORK_RULES",),
    ),
    _integration(
        "SECURITY",
        {
            "TYPE": one_of("OAUTH", "EXTERNAL_OAUTH", "SAML2", "SCIM", "API_AUTHENTICATION"), "AUTH_TYPE": word,
            "OAUTH_CLIENT": word,
            "OAUTH_CLIENT_ID": text, "OAUTH_CLIENT_SECRET": text, "OAUTH_TOKEN_ENDPOINT": text,
            "OAUTH_AUTHORIZATION_ENDPOINT": text,
            "OAUTH_CLIENT_AUTH_METHOD": word, "OAUTH_GRANT": word, "OAUTH_ACCESS_TOKEN_VALIDITY": integer,
            "OAUTH_REFRESH_TOKEN_VALIDITY": integer, "OAUTH_ALLOWED_SCOPES": texts, "OAUTH_REDIRECT_URI": text,
            "OAUTH_CLIENT_TYPE": text, "OAUTH_ISSUE_REFRESH_TOKENS": boolean, "EXTERNAL_OAUTH_TYPE": word,
            "EXTERNAL_OAUTH_ISSUER": text,
            "EXTERNAL_OAUTH_JWS_KEYS_URL": text, "EXTERNAL_OAUTH_TOKEN_USER_MAPPING_CLAIM": text,
            "EXTERNAL_OAUTH_SNOWFLAKE_USER_MAPPING_ATTRIBUTE": text, "EXTERNAL_OAUTH_AUDIENCE_LIST": texts, "SCIM_CLIENT": text,
            "RUN_AS_ROLE": name, "SAML2_ISSUER": text, "SAML2_SSO_URL": text, "SAML2_PROVIDER": text, "SAML2_X509_CERT": text,
            "NETWORK_POLICY": name,
        },
        ("TYPE",), secret=frozenset({"OAUTH_CLIENT_SECRET"}),
    ),
    ObjectKind(
        ("SECRET",), "SECRETS", "schema",
        {
            "TYPE": one_of(*_SECRET_TYPES), "USERNAME": text, "PASSWORD": text, "SECRET_STRING": text, "API_AUTHENTICATION": name,
            "OAUTH_SCOPES": texts, "OAUTH_REFRESH_TOKEN": text, "OAUTH_REFRESH_TOKEN_EXPIRY_TIME": text,
            "ALGORITHM": word, **_COMMENT,
        },
        ("TYPE",), check=_check_secret, or_alter=False,
        secret=frozenset({"PASSWORD", "SECRET_STRING", "OAUTH_REFRESH_TOKEN"}),
    ),
    ObjectKind(
        ("NETWORK", "RULE"), "NETWORK RULES", "schema",
        {
            "TYPE": one_of("IPV4", "AWSVPCEID", "AZURELINKID", "GCPPSCID", "HOST_PORT", "PRIVATE_HOST_PORT"), "VALUE_LIST": texts,
            "MODE": one_of("INGRESS", "INTERNAL_STAGE", "EGRESS", "SNOWFLAKE_MANAGED_STORAGE_VOLUME"), **_COMMENT,
        },
        ("TYPE", "VALUE_LIST"), check=_check_network_rule,
    ),
    ObjectKind(
        ("NETWORK", "POLICY"), "NETWORK POLICIES", "account",
        {
            "ALLOWED_NETWORK_RULE_LIST": names, "BLOCKED_NETWORK_RULE_LIST": names, "ALLOWED_IP_LIST": texts,
            "BLOCKED_IP_LIST": texts,
            **_COMMENT,
        },
        or_alter=True,
    ),
    ObjectKind(
        ("AUTHENTICATION", "POLICY"), "AUTHENTICATION POLICIES", "schema",
        {
            "AUTHENTICATION_METHODS": texts, "MFA_AUTHENTICATION_METHODS": texts, "CLIENT_TYPES": texts,
            "SECURITY_INTEGRATIONS": texts, "MFA_ENROLLMENT": one_of("REQUIRED", "REQUIRED_PASSWORD_ONLY", "OPTIONAL"),
            "CLIENT_POLICY": nested(), "MFA_POLICY": nested("ALLOWED_METHODS", "ENFORCE_MFA_ON_EXTERNAL_AUTHENTICATION"),
            "PAT_POLICY": nested(
                "DEFAULT_EXPIRY_IN_DAYS", "MAX_EXPIRY_IN_DAYS", "NETWORK_POLICY_EVALUATION",
                "REQUIRE_ROLE_RESTRICTION_FOR_SERVICE_USERS"
            ),
            "WORKLOAD_IDENTITY_POLICY": nested(
                "ALLOWED_PROVIDERS", "ALLOWED_AWS_ACCOUNTS", "ALLOWED_AZURE_ISSUERS", "ALLOWED_OIDC_ISSUERS"
            ),
            **_COMMENT,
        },
        or_alter=True,
        defaults={"AUTHENTICATION_METHODS": ["ALL"], "CLIENT_TYPES": ["ALL"], "SECURITY_INTEGRATIONS": ["ALL"]},
    ),
    ObjectKind(
        ("RESOURCE", "MONITOR"), "RESOURCE MONITORS", "account",
        {
            "CREDIT_QUOTA": integer, "FREQUENCY": one_of("MONTHLY", "DAILY", "WEEKLY", "YEARLY", "NEVER"),
            "START_TIMESTAMP": word,
            "END_TIMESTAMP": text, "NOTIFY_USERS": names,
        },
        accepts_with=True, body=bodies.triggers,
    ),
    ObjectKind(("TAG",), "TAGS", "schema", {**_COMMENT, "PROPAGATE": word}, or_alter=True, body=bodies.allowed_values),
    ObjectKind(("MASKING", "POLICY"), "MASKING POLICIES", "schema", _COMMENT, body=bodies.policy),
    ObjectKind(("ROW", "ACCESS", "POLICY"), "ROW ACCESS POLICIES", "schema", _COMMENT, body=bodies.policy),
    ObjectKind(
        ("ALERT",), "ALERTS", "schema", {"WAREHOUSE": name, "SCHEDULE": text, "CONFIG": text, **_COMMENT}, or_alter=True,
        body=bodies.alert,
    ),
    ObjectKind(
        ("DBT", "PROJECT"), "DBT PROJECTS", "schema",
        {"DBT_VERSION": bodies.dbt_version, "DEFAULT_TARGET": bodies.dbt_target, **_COMMENT}, body=bodies.dbt_source,
    ),
)  # fmt: skip


def check_complete(kind: ObjectKind, values: Mapping[str, Any]) -> None:
    """Raise SqlError 002029 where a required property is missing, or the error that the kind's `check` raises."""
    if missing := [p for p in kind.required if p not in values]:
        raise _missing(*missing)
    kind.check(values)
