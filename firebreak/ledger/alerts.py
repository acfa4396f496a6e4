"""Alerts as they came in and what became of them: nothing is dropped silently."""

import json
from datetime import datetime

from sqlalchemy import Connection, select, update

from firebreak.contracts.ledger import AlertRow
from firebreak.domain.alert import Alert
from firebreak.domain.base import JsonObject
from firebreak.errors import NotFound
from firebreak.ledger.rows import insert_new, load
from firebreak.ledger.tables import alerts


def record(connection: Connection, alert: Alert, raw: JsonObject, received_at: datetime) -> bool:
    """Keep an alert and its raw record; False when its fingerprint stands already."""
    row = AlertRow(alert=alert, received_at=received_at, disposition="received")
    values = {
        "id": alert.id,
        "disposition": row.disposition,
        "document": row.model_dump_json(),
        # Not the canonical form: a detector's own numbers (flow ids of 64 bits) are kept as sent.
        "raw": json.dumps(raw, separators=(",", ":")),
    }
    return insert_new(connection, alerts, values)


def settle(connection: Connection, alert_id: str, changes: dict[str, str]) -> None:
    """Say what became of an alert. Raises NotFound."""
    find = select(alerts.c.document).where(alerts.c.id == alert_id).with_for_update()
    document = connection.execute(find).scalar_one_or_none()
    if document is None:
        raise NotFound(f"no alert {alert_id}")
    row = load(AlertRow, document).model_copy(update=changes)
    connection.execute(
        update(alerts).where(alerts.c.id == alert_id),
        {"disposition": row.disposition, "document": row.model_dump_json()},
    )


def listed(connection: Connection, disposition: str | None, limit: int) -> tuple[AlertRow, ...]:
    """Alerts, the newest arrival first."""
    query = select(alerts.c.document).order_by(alerts.c.n.desc()).limit(limit)
    if disposition is not None:
        query = query.where(alerts.c.disposition == disposition)
    return tuple(load(AlertRow, document) for document in connection.execute(query).scalars())
