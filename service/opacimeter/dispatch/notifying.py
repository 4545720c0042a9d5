"""Notifying: word of a version's end to whoever asked to be told."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Final

from opacimeter.exchange import Hook, Notice, notify
from opacimeter.store import Delivery, Mishap, Store

__all__ = ["Notifying"]

_SCHEMA: Final = "opacimeter-event-1"


def _now() -> datetime:
    return datetime.now(UTC)


class Notifying:
    """Sends the notices that deliveries tell of."""

    def __init__(
        self, store: Store, hooks: Mapping[str, Hook], *, public_url: str = "",
        clock: Callable[[], datetime] = _now,
    ) -> None:  # fmt: skip
        """Wire it.

        Args:
            store: Where deliveries are remembered.
            hooks: Receivers by name.
            public_url: What links begin with.
            clock: Now, UTC.
        """
        self._store, self._hooks, self._clock = store, hooks, clock
        self._public_url = public_url.rstrip("/")

    def send(self, turn: str, delivery: Delivery) -> Mishap | None:
        """Do one turn; returns why it came to nothing, None where the receiver has it.

        Raises:
            ArchiveError: The receiver did not say that it has it.
        """
        hook = self._hooks.get(delivery.destination)
        if hook is None:
            told = f"the settings name no webhook {delivery.destination!r}"
            return Mishap("connect", told, lasting=True)
        notify(hook, self._notice(delivery), at=self._clock())
        self._store.deliveries.told(turn, (), done=True)
        return None

    def _notice(self, delivery: Delivery) -> Notice:
        """The same bytes at each attempt; nothing of the patient, and of the study its number here.

        Whoever may know more asks for it under the link.
        """
        event = str(delivery.kind.event)
        path = f"/api/v1/assessments/{delivery.assessment}?version={delivery.version}"
        content = {
            "schema": _SCHEMA,
            "delivery": str(delivery.id),
            "event": event,
            "time": delivery.created.isoformat(timespec="seconds").replace("+00:00", "Z"),
            "assessment": str(delivery.assessment),
            "version": delivery.version,
            "href": f"{self._public_url}{path}",
        }
        return Notice(str(delivery.id), event, json.dumps(content).encode("utf-8"))
