"""Queue: the sender's end. It executes nothing."""

from pathlib import Path

from dbos import DBOSClient, DBOSPortableJSONSerializer, EnqueueOptions

from opacimeter.jobs.database import APPLICATION, ASSESS, SCHEMA, prepare

__all__ = ["Queue"]

_LOW = 10
"""Of DBOS's priorities: what has none goes first, then the lower numbers."""


class Queue:
    """Hands jobs to whichever worker is free."""

    def __init__(self, folder: Path) -> None:
        """Open the queue in a folder, making it where needed."""
        self._client = DBOSClient(
            system_database_url=prepare(folder),
            application_name=APPLICATION,
            serializer=DBOSPortableJSONSerializer(),
        )

    def submit(
        self, job: str, *, line: str = ASSESS, lane: str | None = None, low: bool = False
    ) -> None:
        """Put a job into the queue; the same job twice is one job.

        Args:
            job: Its name.
            line: The kind of work, see `Line`.
            lane: Within a line that has them; one job of a lane is done at a time.
            low: It can wait for all others of its line.
        """
        options: EnqueueOptions = {
            "workflow_name": line,
            "queue_name": line,
            "workflow_id": job,
            "app_version": SCHEMA,
        }
        if lane is not None:
            options["queue_partition_key"] = lane
        if low:
            options["priority"] = _LOW
        self._client.enqueue(options, job)

    def close(self) -> None:
        """Give the connections back."""
        self._client.destroy()
