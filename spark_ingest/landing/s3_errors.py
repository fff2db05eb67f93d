"""What boto3 raises: its errors, imported only where S3 is used, and their codes."""

from __future__ import annotations

from typing import Any

# A conditional write that met another state than it was for. NoSuchKey: what it was to replace is gone.
REFUSED = frozenset({"PreconditionFailed", "ConditionalRequestConflict", "412", "409", "NoSuchKey"})


def s3_errors() -> tuple[type[Exception], ...]:
    """The exceptions of a call to S3."""
    from botocore.exceptions import BotoCoreError, ClientError

    return (BotoCoreError, ClientError)


def error_code(error: Exception) -> str:
    """The code that S3 gave, such as NoSuchKey; "None" where it gave none."""
    return str(getattr(error, "response", {}).get("Error", {}).get("Code"))


def own_etag(client: Any, bucket: str, key: str, content: bytes) -> str | None:
    """The ETag of an object if it has this content, which a refused write may have left there itself; else None.

    A write whose answer was lost is sent again by the client, and then refused because of the first one.
    """
    try:
        found = client.get_object(Bucket=bucket, Key=key)
        return str(found["ETag"]) if found["Body"].read() == content else None
    except s3_errors():
        return None
