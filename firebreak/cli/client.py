"""The API as the command line uses it: finds the server and the token, and explains refusals."""

import re
from types import TracebackType
from typing import Annotated, Any, Self, TypeVar
from urllib.parse import quote, urlsplit

import httpx
import typer
from pydantic import BaseModel, ValidationError

from firebreak.cli.configuration import load_settings
from firebreak.cli.exits import ProblemError
from firebreak.cli.token_files import sign_in_file, token_file
from firebreak.settings import Settings
from firebreak.statedir import StateDir
from firebreak.telling.peek import items, text
from firebreak.urls import is_loopback

ModelT = TypeVar("ModelT", bound=BaseModel)

AsName = Annotated[
    str | None,
    typer.Option("--as", metavar="NAME", help="Use the token file of this name (default: admin)."),
]

_TOKEN = re.compile(r"[\x21-\x7e]+")
_MAX_JWT = 8192
_TIMEOUT = httpx.Timeout(60, connect=3)
_ERROR = 400

# By the first part of an order's path: the list that shows whether it was carried out.
_TELLS = {
    "alerts": "alerts",
    "approvals": "approvals --all",
    "channels": "channels",
    "glass": "glass --all",
    "halt": "halts",
    "holds": "holds",
    "incidents": "incidents",
    "responses": "incidents",
    "resume": "halts",
    "reviews": "glass --all",
}

# By the first part of a path: the list that shows what could have been named.
_LISTS = {
    "approvals": "approvals --all",
    "channels": "channels",
    "glass": "glass --all",
    "halt": "devices",
    "holds": "holds",
    "incidents": "incidents",
    "responses": "playbook list`, `firebreak devices",
    "resume": "devices",
    "reviews": "glass --all",
}

# When the server does not know who asks; its own hint is for whoever writes HTTP requests.
_NOT_KNOWN = (
    "name another token: --as NAME, for a file NAME.token in the state directory's tokens/, or "
    "FIREBREAK_TOKEN; `firebreak token create` makes one, `firebreak login` signs in"
)


class Api:
    """One connection to a Firebreak server, as one principal."""

    def __init__(self, url: str, token: str) -> None:
        """Nothing is sent yet."""
        self.url = url
        self._http = httpx.Client(
            base_url=url,
            headers={"Authorization": f"Bearer {token}"},
            timeout=_TIMEOUT,
            trust_env=not is_loopback(
                urlsplit(url).hostname
            ),  # a proxy cannot know this machine's loopback
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._http.close()

    def get(self, path: str, **query: str | float | bool | None) -> Any:
        """The JSON answer to a GET; parameters that are None are left out."""
        params = {name: value for name, value in query.items() if value is not None}
        return _json(self._call("GET", path, params=params))

    def get_soon(self, path: str, within_s: float) -> Any:
        """The JSON answer to a GET whose answer something more urgent waits for."""
        return _json(self._call("GET", path, timeout=within_s))

    def get_bytes(self, path: str) -> bytes:
        """The answer to a GET exactly as it came: what a signature is over."""
        return self._call("GET", path).content

    def post(self, path: str, body: Any) -> Any:
        """The JSON answer to a POST of a JSON body."""
        return _json(self._call("POST", path, json=body))

    def post_bytes(self, path: str, body: bytes, content_type: str) -> Any:
        """The JSON answer to a POST of anything else."""
        headers = {"Content-Type": content_type}
        return _json(self._call("POST", path, content=body, headers=headers))

    def _call(self, method: str, path: str, **request: Any) -> httpx.Response:
        try:
            response = self._http.request(method, path, **request)
        except httpx.UnsupportedProtocol as error:
            raise _no_address(self.url) from error
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise ProblemError(
                f"cannot reach a Firebreak server at {self.url}",
                "start one with `firebreak up`, or say where it is with FIREBREAK_URL",
                error="unreachable",
            ) from error
        except httpx.HTTPError as error:
            raise ProblemError(
                f"no answer from {self.url} ({type(error).__name__})",
                _look_first(method, path, request.get("json")),
                error="unreachable",
            ) from error
        if response.status_code >= _ERROR:
            raise _refusal(response, path)
        return response


def _look_first(method: str, path: str, body: Any) -> str:
    """What to do about an order that nobody answered: it may have been carried out."""
    dry_run = isinstance(body, dict) and body.get("dry_run") is True
    if method == "GET" or dry_run:
        return "it was only to look, and changed nothing; try again, and see GET /healthz"
    command = _TELLS.get(path.split("/")[1], "incidents")
    return f"look before you repeat: `firebreak {command}` says what became of it"


def connect(as_name: str | None = None) -> Api:
    """An API client with the settings of this process.

    Raises:
        ProblemError: there is no token to use, or FIREBREAK_URL is no URL.
    """
    settings = load_settings()
    url, token = find_url(settings), find_token(settings, as_name)
    try:
        return Api(url, token)
    except (httpx.InvalidURL, ValueError) as error:
        raise _no_address(url) from error


def _no_address(url: str) -> ProblemError:
    return ProblemError(
        f"there can be no API at {url}; nothing was sent",
        "set FIREBREAK_URL to an address with http:// or https://",
        error="definition",
    )


def find_url(settings: Settings) -> str:
    """Where the API is: as set, else where the running `up` of the state directory says."""
    running = StateDir(settings.state_dir.absolute()).url
    if settings.url or not running.is_file():
        return settings.api_url
    return running.read_text(encoding="utf-8").strip()


def find_token(settings: Settings, as_name: str | None) -> str:
    """The token of that name's file; without a name the first there is of the others.

    Those are FIREBREAK_TOKEN, the sign-in of `firebreak login`, the administrator's file.

    Raises:
        ProblemError: there is no such token, or the sign-in has ended.
    """
    if as_name is None and settings.token:
        return _header_safe(settings.token, "FIREBREAK_TOKEN")
    if as_name is None and (signed_in := sign_in_file(settings)).exists():
        # Only who has signed in pays for loading what a sign-in needs.
        from firebreak.cli.signin import fresh_token  # noqa: PLC0415

        return _header_safe(fresh_token(settings, signed_in), str(signed_in), _MAX_JWT)
    file = token_file(
        StateDir(settings.state_dir.absolute()), "admin" if as_name is None else as_name
    )
    try:
        text = file.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise ProblemError(
            f"no API token: {file} cannot be read",
            "run where `firebreak up` keeps its state, set FIREBREAK_STATE_DIR or FIREBREAK_TOKEN",
            error="unauthorized",
        ) from error
    return _header_safe(text, str(file))


def _header_safe(text: str, where: str, longest: int = 500) -> str:
    """Checked here, since the HTTP library would put a malformed token into its error."""
    token = text.strip()
    if len(token) > longest or not _TOKEN.fullmatch(token):
        raise ProblemError(
            f"what {where} holds is not an API token",
            "make a new one with `firebreak token create`",
            error="unauthorized",
        )
    return token


def one(model: type[ModelT], value: Any) -> ModelT:
    """The answer as the model it should be.

    Raises:
        ProblemError: it is something else.
    """
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise _wrong_shape() from error


def many(model: type[ModelT], answer: Any, name: str) -> tuple[ModelT, ...]:
    """The list called ``name`` in an answer, as models. Raises like ``one``."""
    return tuple(one(model, item) for item in part(answer, name))


def part(answer: Any, name: str) -> Any:
    """What an answer holds under a name. Raises like ``one``."""
    try:
        return answer[name]
    except (KeyError, TypeError) as error:
        raise _wrong_shape() from error


def path(*parts: str) -> str:
    """A URL path; each part is escaped, so that an id cannot lead elsewhere."""
    return "/" + "/".join(quote(part, safe="") for part in parts)


def _wrong_shape() -> ProblemError:
    return ProblemError(
        "the server's answer is not in the documented shape",
        "use the same Firebreak version on both sides: `firebreak --version`, GET /healthz",
    )


def _refusal(response: httpx.Response, path: str) -> ProblemError:
    answer = _json(response)
    if not isinstance(answer, dict) or "error" not in answer:
        return _stranger(response)
    error = str(answer["error"])
    return ProblemError(
        str(answer.get("message", "refused")),
        _NOT_KNOWN if error == "unauthorized" else str(answer.get("hint") or _list(error, path)),
        error=error,
        details=unreadable(answer),
    )


def _list(error: str, path: str) -> str:
    """Where to see what there is, when what was named is not there or stands otherwise."""
    command = _LISTS.get(path.split("/")[1]) if error in ("not-found", "rejected") else None
    return f"`firebreak {command}` lists what there is" if command else ""


def unreadable(answer: Any) -> list[str]:
    """The records that an answer says could not be read, each with the reason."""
    return [
        f"record {text(bad, 'index')} cannot be read: {text(bad, 'reason')}"
        for bad in items(answer, "bad")
    ]


def _json(response: httpx.Response) -> Any:
    try:
        return response.json()
    except ValueError as error:
        raise _stranger(response) from error


def _stranger(response: httpx.Response) -> ProblemError:
    return ProblemError(
        f"what answers at {response.url.host}:{response.url.port} is not a Firebreak server "
        f"(HTTP {response.status_code})",
        "check FIREBREAK_URL",
        error="unreachable",
    )
