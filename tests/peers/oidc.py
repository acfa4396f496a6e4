"""A real OpenID provider (npm oidc-provider), and people who fill in its forms."""

import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import httpx

from tests.peers import node

SCRIPT = Path(__file__).with_name("oidc_provider.mjs")
_FORM = re.compile(r'<form[^>]* action="([^"]+)" method="post">(.*?)</form>', re.DOTALL)
_HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)"')


class Provider:
    """A running provider. ``tell`` changes it: ``set`` groups, ``sign`` with new keys, ``seconds``
    that tokens live."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        said = self._read()
        self.issuer: str = said["issuer"]
        self.audience: str = said["audience"]

    def tell(self, **what: Any) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(what) + "\n")
        self._process.stdin.flush()
        self._read()

    def _read(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the provider ended"
        return json.loads(line)


@contextmanager
def oidc_provider() -> Iterator[Provider]:
    command = [str(node.NODE), str(SCRIPT), str(node.package("oidc-provider"))]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        try:
            yield Provider(process)
        finally:
            process.terminate()


def browse(url: str, login: str, stop_at: str = "http://127.0.0.1:0/") -> str:
    """Sign in and agree, as a browser would; the redirect back to the client, not followed."""
    with httpx.Client(timeout=10) as http:
        answer = http.get(url)
        for _ in range(12):
            if answer.is_redirect:
                where = urljoin(url, answer.headers["location"])
                if where.startswith(stop_at):
                    return where
                answer = http.get(where)
                continue
            answer.raise_for_status()
            form = _FORM.search(answer.text)
            assert form, answer.text
            fields = {name: unescape(value) for name, value in _HIDDEN.findall(form[2])}
            if fields["prompt"] == "login":
                fields |= {"login": login, "password": "any"}
            answer = http.post(unescape(form[1]), data=fields)
    raise AssertionError("the sign-in never ended")
