"""A real server process over real HTTP, for end-to-end tests."""

import os
import signal
import socket
import subprocess
import sys

import httpx2 as httpx
import psutil

from tests.fakes import wait_until

SERVE = (
    "from opacimeter.app import serve; from opacimeter.settings import Settings; serve(Settings())"
)


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Service:
    """A server process; its workers are its children."""

    def __init__(self, folder, *, port=None, **environment):
        self.folder, self.port = folder, port or free_port()
        self.environment = os.environ | {
            "OPACIMETER_DATA_DIR": str(folder / "data"),
            "OPACIMETER_PORT": str(self.port),
            "OPACIMETER_THREADS": "2",
            "OPACIMETER_MIN_FREE_BYTES": "0",
            "OPACIMETER_HEARTBEAT_LIMIT_S": "15",
            **environment,
        }
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=60)
        self.process = None

    def start(self, *, seconds=60):
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", SERVE], env=self.environment, stderr=log, stdout=log
            )
        try:
            wait_until(self.ready, seconds=seconds)
        except BaseException:  # a test that ran out of time leaves nothing running either
            self.stop()
            raise

    def ready(self):
        assert self.process.poll() is None, (self.folder / "log").read_text()
        try:
            return self.http.get("/health/ready").status_code == 200
        except httpx.TransportError:
            return False

    def worker(self):
        """The process number of the worker; spawned processes say so on their command line."""
        children = psutil.Process(self.process.pid).children()
        (worker,) = [each for each in children if "spawn_main" in " ".join(each.cmdline())]
        return worker.pid

    def send(self, files):
        forms = [("files", (path.name, path.read_bytes())) for path in files]
        return self.http.post("/api/v1/assessments", files=forms)

    def get(self, href, **options):
        return self.http.get(href, **options).raise_for_status()

    def status(self, href):
        return self.get(href).json()["status"]

    def deliveries(self, **asked):
        """What goes to archives, the newest first; `asked` as the route has it."""
        query = {"limit": 200, **asked}
        return self.get("/api/v1/deliveries", params=query).json()["deliveries"]

    def versions(self, study_uid):
        """The newest version of a study, in any state, as a list; empty where it has none."""
        listed = self.get("/api/v1/assessments", params={"study_uid": study_uid}).json()
        return [each["version"] for each in listed["assessments"]]

    def waits(self):
        """Whether images that came one by one wait for their quiet period."""
        return bool(self.get("/api/v1/inbox").json()["studies"])

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(20)
        self.http.close()
        return code
