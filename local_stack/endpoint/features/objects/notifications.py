"""Answer SYSTEM$SEND_SNOWFLAKE_NOTIFICATION: what is sent stands in a file of the endpoint's folder, a line a message.

See: https://docs.snowflake.com/en/sql-reference/stored-procedures/system_send_snowflake_notification
"""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

from local_stack.endpoint.errors import compilation_error, missing_object
from local_stack.endpoint.language.reader import Reader
from local_stack.endpoint.session import Session

FILE = "notifications.jsonl"
# What each type of integration takes. See: https://docs.snowflake.com/en/user-guide/notifications/snowflake-notifications
_TAKES = {
    "EMAIL": ("text/plain", "text/html"),
    "QUEUE": ("application/json",),
    "WEBHOOK": ("text/plain", "text/html", "application/json"),
}
_OPTIONS = {"subject", "toAddress", "ccAddress", "bccAddress"}
_SUBJECT_LENGTH = 256


def send(session: Session, arguments: list[str]) -> str:
    """Note one message to one integration. Raises SqlError for what Snowflake would not send."""
    if len(arguments) != 2:
        raise compilation_error("SYSTEM$SEND_SNOWFLAKE_NOTIFICATION takes a message and an integration.", 939, "22023")
    kind, text = _only(arguments[0], "message")
    name, options = _only(arguments[1], "integration configuration")
    stored = session.catalog.get("INTEGRATION", "", "", Reader(name).identifier())
    may_use = not session.grants.enforced or session.access.holds("INTEGRATION", stored.name if stored else "", "USAGE")
    if stored is None or stored.definition.get("type") != "NOTIFICATION" or not may_use:
        raise missing_object("Integration", name)
    properties = stored.definition["properties"]
    if not properties["ENABLED"]:
        raise compilation_error(f"Integration '{stored.name}' is not enabled.", 1008, "22023")
    if kind not in _TAKES[properties["TYPE"]]:
        raise compilation_error(
            f"A notification integration of type {properties['TYPE']} takes no {kind}.", 1008, "22023"
        )
    if not isinstance(options, dict) or set(options) - _OPTIONS:
        raise compilation_error(f"Invalid options of the integration configuration: {options}.", 1008, "22023")
    if len(options.get("subject", "")) > _SUBJECT_LENGTH:
        raise compilation_error(f"The subject is longer than {_SUBJECT_LENGTH} characters.", 1008, "22023")
    sent = {"sent_at": dt.datetime.now(dt.UTC).isoformat(), "integration": stored.name, "type": kind, "message": text}
    with (session.engine.data_dir / FILE).open("a", encoding="utf-8") as file:
        file.write(json.dumps({**sent, **options}) + "\n")
    return "Enqueued notifications."


def _only(text: str, what: str) -> tuple[str, Any]:
    """Return the name and the value of a JSON object's only member."""
    try:
        document = json.loads(text)
    except ValueError:
        document = None
    if not isinstance(document, dict) or len(document) != 1:
        raise compilation_error(f"Invalid JSON of the {what}.", 1008, "22023")
    ((name, value),) = document.items()
    return name, value
