"""A receiver of webhooks on loopback: answers as it is told, and remembers what it was sent."""

import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class Message:
    """A message as it came; names of headers in lower case."""

    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Reply:
    """What the receiver says; with status 0 it hangs up without a word."""

    status: int = 204
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Receiver:
    """The receiver.

    Attributes:
        reply: Given each message, says what comes back.
        got: What came.
        url: Where it takes messages.
    """

    reply: Callable[[Message], Reply] = lambda _message: Reply()
    got: list[Message] = field(default_factory=list)
    url: str = ""


@contextmanager
def receiver(*replies: Reply, line: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    """A receiver, ended with the block.

    Args:
        replies: One a message, the last for all that follow; 204 where there is none.
        line: For TLS.
    """
    place = Receiver()
    left = list(replies) or [Reply()]
    place.reply = lambda _message: left.pop(0) if len(left) > 1 else left[0]

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            named = {name.lower(): value for name, value in self.headers.items()}
            message = Message(self.path, named, body)
            place.got.append(message)
            reply = place.reply(message)
            self.close_connection = True
            if not reply.status:
                return
            self.send_response(reply.status)
            for name, value in {"Content-Length": "0", **reply.headers}.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, *_words):
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if line is not None:
        server.socket = line.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    place.url = f"{'https' if line else 'http'}://127.0.0.1:{server.server_port}/hook"
    try:
        yield place
    finally:
        server.shutdown()
        server.server_close()
