"""What boto3 raises: its errors, imported only where S3 is used, and their codes."""

from __future__ import annotations


def s3_errors() -> tuple[type[Exception], ...]:
    """The exceptions of a call to S3."""
    from botocore.exceptions import BotoCoreError, ClientError

    return (BotoCoreError, ClientError)


def error_code(error: Exception) -> str:
    """The code that S3 gave, such as NoSuchKey; "None" where it gave none."""
    return str(getattr(error, "response", {}).get("Error", {}).get("Code"))
