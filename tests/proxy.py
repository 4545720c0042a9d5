"""A proxy in front of an archive that does to each request what the test wants of it."""

import http.client
import ssl
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from tests.exchange.fake_pacs import Answer

_HEAD = 4096  # of a body: names the study of its first object


@dataclass
class Call:
    """A request under way: what has come of its body, the rest, and the archive behind."""

    request: BaseHTTPRequestHandler
    upstream: str
    head: bytes = b""

    @property
    def size(self) -> int:
        """Of the body, as the request tells it."""
        return int(self.request.headers.get("Content-Length", 0))

    def read(self, size: int | None = None) -> bytes:
        """The body up to a size; all of it where there is none."""
        self.head += self.request.rfile.read((size or self.size) - len(self.head))
        return self.head

    def forward(self, body: bytes | None = None, size: int | None = None) -> Answer:
        """What the archive answers to a body; one that ends before its size is cut off."""
        body = self.read() if body is None else body
        there = http.client.HTTPConnection(urlsplit(self.upstream).netloc, timeout=30)
        told = ((name, self.request.headers.get(name)) for name in ("Accept", "Content-Type"))
        headers = {name: value for name, value in told if value}
        headers["Content-Length"] = str(size or len(body))
        try:
            there.request(self.request.command, self.request.path, body, headers)
            if size is not None and size > len(body):
                return Answer(cut=True)
            answer = there.getresponse()
            return Answer(answer.status, answer.read(), answer.headers.get("Content-Type", ""))
        except OSError:
            return Answer(status=502)
        finally:
            there.close()


@dataclass
class Proxy:
    """The proxy; `faults` by method and StudyInstanceUID, each good for one request."""

    url: str
    faults: dict[tuple[str, str], Iterator[Callable[[Call], Answer]]] = field(default_factory=dict)

    def fail(
        self, study: str, faults: Iterable[Callable[[Call], Answer]], method: str = "POST"
    ) -> None:
        """Do this to the next requests about a study, one after another; then forward again."""
        self.faults[method, study] = iter(faults)

    def fault(self, call: Call) -> Callable[[Call], Answer]:
        told = call.request.path.encode() + call.read(min(_HEAD, call.size))
        for (method, study), faults in self.faults.items():
            if method == call.request.command and study.encode() in told:
                return next(faults, Call.forward)
        return Call.forward


@contextmanager
def proxy_to(upstream: str, line: ssl.SSLContext | None = None) -> Iterator[Proxy]:
    """A proxy to an archive, ended with the block; over TLS where a line is given."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            call = Call(self, upstream)
            told = proxy.fault(call)(call)
            self.close_connection = True
            if told.cut:
                return
            self.send_response(told.status)
            self.send_header("Content-Type", told.media_type)
            self.send_header("Content-Length", str(len(told.body)))
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(told.body)

        do_GET = do_POST = _answer  # noqa: N815 - the names that http.server looks for

        def log_message(self, *_words):
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_about):
            """A caller that is gone is what the tests are about."""

    server = Server(("127.0.0.1", 0), Handler)
    if line is not None:
        server.socket = line.wrap_socket(server.socket, server_side=True)
    scheme = "http" if line is None else "https"
    proxy = Proxy(f"{scheme}://127.0.0.1:{server.server_port}/dicom-web")
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield proxy
    finally:
        server.shutdown()
        server.server_close()
