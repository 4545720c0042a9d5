"""Queue: the sender's end. It executes nothing."""

from pathlib import Path

from dbos import DBOSClient, DBOSPortableJSONSerializer, EnqueueOptions

from opacimeter.jobs.database import APPLICATION, QUEUE, SCHEMA, WORKFLOW, prepare

__all__ = ["Queue"]


class Queue:
    """Hands jobs to whichever worker is free."""

    def __init__(self, folder: Path) -> None:
        """Open the queue in a folder, making it where needed."""
        self._client = DBOSClient(
            system_database_url=prepare(folder),
            application_name=APPLICATION,
            serializer=DBOSPortableJSONSerializer(),
        )

    def submit(self, job: str) -> None:
        """Put a job into the queue; the same job twice is one job."""
        options: EnqueueOptions = {
            "workflow_name": WORKFLOW,
            "queue_name": QUEUE,
            "workflow_id": job,
            "app_version": SCHEMA,
        }
        self._client.enqueue(options, job)

    def close(self) -> None:
        """Give the connections back."""
        self._client.destroy()
