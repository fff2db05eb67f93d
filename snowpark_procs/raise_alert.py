"""ops.raise_alert: what an alert has found, into ops.alert_events and to people."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from snowpark_procs.statements import literal, run

if TYPE_CHECKING:
    from snowflake.snowpark import Session

_E_MAIL = "text/plain"


@dataclass(frozen=True)
class Notification:
    """Where alerts are sent to. integration: a notification integration, or empty to send nothing.

    content_type: text/plain for e-mail, application/json for a queue or a webhook.
    See: https://docs.snowflake.com/en/sql-reference/stored-procedures/system_send_snowflake_notification
    """

    integration: str
    content_type: str

    def message(self, text: str) -> str:
        return json.dumps({self.content_type: text})

    def configuration(self, subject: str) -> str:
        """Name the integration; only e-mail has a subject."""
        return json.dumps({self.integration: {"subject": subject} if self.content_type == _E_MAIL else {}})


def raise_alert(session: Session, notification: Notification, alert: str) -> dict[str, Any]:
    """Record what ops.due_alerts says of an alert, so that it is due no more, and tell it, once for all of it.

    Where the message cannot be sent nothing is recorded: the next check of the alert tries again.
    """
    run(session, "begin")
    try:
        found = [{"database": row[0], **json.loads(row[1])} for row in run(session, "due_alerts", [alert])]
        run(session, "insert_alert_events", [alert])
        if found and notification.integration:
            text = json.dumps({"alert": alert, "found": found})
            subject = f"{found[0]['database']}: {alert}"
            run(
                session,
                "send_notification",
                message=literal(notification.message(text)),
                configuration=literal(notification.configuration(subject)),
            )
        run(session, "commit")
    except BaseException:
        run(session, "rollback")
        raise
    return {"alert": alert, "raised": len(found), "sent": bool(found and notification.integration)}
