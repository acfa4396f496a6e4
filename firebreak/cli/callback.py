"""Where the browser comes back to after a sign-in: a port on this machine, for a few minutes."""

import hmac
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import TracebackType
from typing import Self
from urllib.parse import parse_qs, urlsplit

from firebreak.cli.exits import ProblemError

PATH = "/callback"
_LINE_S = 5.0  # that a connection may take to say what it wants
_DONE = b"Firebreak: you can close this window and go back to the terminal.\n"
_NOT_HERE = b"Firebreak: this is not the sign-in that was begun.\n"


class _Listener(HTTPServer):
    """Waits for one redirect with the right state; everything else changes nothing."""

    def __init__(self, port: int, state: str) -> None:
        self.state = state
        self.found: dict[str, str] | None = None
        super().__init__(("127.0.0.1", port), _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: _Listener
    timeout = _LINE_S

    def do_GET(self) -> None:
        """Take the redirect."""
        parts = urlsplit(self.path)
        given = {name: values[0] for name, values in parse_qs(parts.query).items()}
        state = given.get("state", "").encode()
        ours = parts.path == PATH and hmac.compare_digest(state, self.server.state.encode())
        if ours:
            self.server.found = given
        self.send_response(200 if ours else 404)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(_DONE if ours else _NOT_HERE)

    def log_message(self, *_: object) -> None:
        """Nothing: the line holds the code."""


class Callback:
    """Listens from the moment it is made, so that the redirect cannot come too early."""

    def __init__(self, port: int, state: str) -> None:
        """``port`` 0: any that is free. Raises ProblemError."""
        try:
            self._listener = _Listener(port, state)
        except OSError as error:
            raise ProblemError(
                f"cannot listen on port {port} of this machine", "give another one with --port"
            ) from error

    @property
    def url(self) -> str:
        """Where the provider is asked to send the browser (RFC 8252, 7.3)."""
        return f"http://127.0.0.1:{self._listener.server_port}{PATH}"

    def wait(self, within_s: float) -> dict[str, str]:
        """The parameters of the redirect. Raises ProblemError when none comes in time."""
        until = time.monotonic() + within_s
        while self._listener.found is None:
            left = until - time.monotonic()
            if left <= 0:
                raise ProblemError(
                    f"nobody signed in within {within_s:.0f} s",
                    "run `firebreak login` again",
                    error="unauthorized",
                )
            self._listener.timeout = min(left, 1.0)
            self._listener.handle_request()
        return self._listener.found

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._listener.server_close()
