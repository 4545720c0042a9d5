"""Jobs: durable work in worker processes that may die; the only home of DBOS."""

from opacimeter.jobs.database import ASSESS
from opacimeter.jobs.deadline import deadline
from opacimeter.jobs.isolation import isolated
from opacimeter.jobs.queue import Queue
from opacimeter.jobs.supervisor import Supervisor, stop_signal
from opacimeter.jobs.worker import Line, Worker

__all__ = ["ASSESS", "Line", "Queue", "Supervisor", "Worker", "deadline", "isolated", "stop_signal"]
