"""A stand-in for the API on a real socket, and the command line run against it."""

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from typer.testing import CliRunner, Result

from firebreak.cli import app


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    query: dict[str, str]
    token: str
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class StubApi:
    """Answers what it was told to; several answers to one path are given in turn."""

    url: str = ""
    requests: list[Request] = field(default_factory=list)
    _answers: dict[tuple[str, str], list[tuple[int, bytes]]] = field(default_factory=dict)

    def answer(self, method: str, path: str, body: Any, status: int = 200) -> None:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        self._answers.setdefault((method, path), []).append((status, raw))

    def take(self, request: Request) -> tuple[int, bytes]:
        self.requests.append(request)
        answers = self._answers.get((request.method, request.path))
        if not answers:
            return 404, json.dumps(
                {"error": "not-found", "message": f"no {request.path}", "hint": ""}
            ).encode()
        return answers.pop(0) if len(answers) > 1 else answers[0]


def _handler(stub: StubApi) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, answer = stub.take(
                Request(
                    self.command,
                    unquote(parts.path),
                    {k: v[0] for k, v in parse_qs(parts.query).items()},
                    self.headers.get("Authorization", "").removeprefix("Bearer "),
                    body,
                )
            )
            self.send_response(status)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        do_POST = do_GET  # noqa: N815 - the name http.server looks for

        def log_message(self, *_: Any) -> None:
            pass

    return Handler


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch, state_dir: Path) -> Iterator[StubApi]:
    del state_dir
    stub = StubApi()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(stub))
    stub.url = f"http://127.0.0.1:{server.server_address[1]}"
    monkeypatch.setenv("FIREBREAK_URL", stub.url)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield stub
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def state_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state directory with the tokens of the first start."""
    state = tmp_path / "state"
    (state / "tokens").mkdir(parents=True)
    for name in ("admin", "oncall", "suricata"):
        (state / "tokens" / f"{name}.token").write_text(f"secret-of-{name}\n")
    monkeypatch.setenv("FIREBREAK_STATE_DIR", str(state))
    return state


Call = Callable[..., Result]


@pytest.fixture
def call() -> Call:
    """Run a command line: its exit code, stdout and stderr."""

    def run(*arguments: str, stdin: str | bytes | None = None) -> Result:
        return CliRunner().invoke(app, list(arguments), input=stdin, catch_exceptions=False)

    return run
