"""Every error of the API in one shape, and the one place where error types become HTTP statuses."""

import math
from collections.abc import Sequence

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import Field
from starlette.exceptions import HTTPException

from firebreak import errors
from firebreak.contracts.sources import BadRecord
from firebreak.domain.base import Model
from firebreak.server.malformed import told
from firebreak.server.text import printable
from firebreak.server.trail import visit

_log = structlog.get_logger(__name__)

MAX_MESSAGE = 2000

STATUS: dict[type[errors.FirebreakError], int] = {
    errors.BadInput: 400,
    errors.Unauthorized: 401,
    errors.Forbidden: 403,
    errors.PolicyDenied: 403,
    errors.NotFound: 404,
    errors.InterlockEngaged: 409,
    errors.BlastRadiusExceeded: 409,
    errors.Halted: 409,
    errors.Busy: 409,
    errors.HoldStuck: 409,
    errors.Rejected: 409,
    errors.NotThere: 409,
    errors.StateDrifted: 409,
    errors.LedgerConflict: 409,
    errors.DefinitionError: 422,
    errors.CapabilityMissing: 422,
    errors.RateLimited: 429,
    errors.AuthFailed: 502,
    errors.OutcomeUnknown: 502,
    errors.VerificationFailed: 502,
    errors.RevertFailed: 502,
    errors.Unreachable: 503,
    errors.LedgerUnavailable: 503,
}

_HINT: dict[type[errors.FirebreakError], str] = {
    errors.Unauthorized: (
        "name a token that is good: --as NAME, FIREBREAK_TOKEN or its file; `firebreak token "
        "create NAME --role ROLE --save` makes one. By HTTP: `Authorization: Bearer <token>`"
    ),
    errors.BadInput: "--help of the command, or GET /openapi.json, says what is expected",
    errors.Forbidden: "use a token whose role may do this",
    errors.PolicyDenied: "ask somebody who may; the message or the record names the rules",
    errors.BlastRadiusExceeded: "`firebreak limits` shows every cap and how full it is",
    errors.Halted: "`firebreak halts` shows who stopped it and why; a second person may resume",
    errors.Busy: "another response is acting on the device; try again shortly",
    errors.HoldStuck: "`firebreak holds` shows it; a person has to end it first",
    errors.StateDrifted: "look at the device, then ask again",
    errors.LedgerConflict: "do not repeat it; look at the incident's record first",
    errors.OutcomeUnknown: "do not repeat it; look at the device and at the incident's record",
    errors.RevertFailed: "the device may still be contained: a person has to look at it now",
    errors.Unreachable: "nothing was sent; try again shortly, and see GET /healthz",
    errors.LedgerUnavailable: "nothing was done; try again shortly, and see GET /healthz",
}

_GLASSES = "`firebreak glass --all` lists every break-glass, and where it stands"
# By the last or the first part of the path: what was wanted, and of what.
_LIST_OF = {
    "approvals": "`firebreak approvals --all` lists every request, and how it ended",
    "channels": "`firebreak channels` lists them",
    "devices": "`firebreak devices` lists them",
    "glass": _GLASSES,
    "holds": "`firebreak holds` lists what is in force",
    "incidents": "`firebreak incidents` lists them",
    "responses": "`firebreak playbook list` and `firebreak devices` list what there is",
    "reviews": _GLASSES,
}
_HINT_ABOUT: dict[tuple[type[errors.FirebreakError], str], str] = {
    **{(errors.NotFound, about): hint for about, hint in _LIST_OF.items()},
    (errors.NotFound, "delegate"): (
        "`firebreak people`, or `firebreak token list` without a people file, says who there is, "
        "and `firebreak approvals` what they can be asked"
    ),
    (errors.Rejected, "approvals"): _LIST_OF["approvals"],
    (errors.Rejected, "glass"): _GLASSES,
    (errors.Rejected, "holds"): _LIST_OF["holds"],
    (errors.Rejected, "incidents"): "`firebreak incident show ID` says how it ended",
    (errors.Rejected, "reviews"): _GLASSES,
    (errors.Forbidden, "approvals"): (
        "somebody else answers it: whoever must agree, or whom they name with `firebreak delegate`"
    ),
}

_BY_HTTP_STATUS = {401: "unauthorized", 403: "forbidden", 404: "not-found"}


class Problem(Model):
    """The body of every answer that is an error."""

    error: str = Field(description="Stable code, see docs/errors.md")
    message: str = Field(description="What is wrong, for people")
    hint: str = Field(default="", description="What to do about it")
    bad: tuple[BadRecord, ...] = Field(default=(), description="Unreadable records, first 100")


PROBLEMS: dict[int | str, dict[str, object]] = {
    "4XX": {"model": Problem, "description": "Refused; the body says why"},
    "5XX": {"model": Problem, "description": "Something needed is down; the body says what"},
}


def answer(
    status: int, code: str, message: str, hint: str = "", bad: Sequence[BadRecord] = ()
) -> JSONResponse:
    """An error answer, free of control characters."""
    problem = Problem(
        error=code, message=printable(message)[:MAX_MESSAGE], hint=hint, bad=tuple(bad)
    )
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else {}  # noqa: PLR2004 - RFC 9110
    return JSONResponse(problem.to_json(), status_code=status, headers=headers)


def install(app: FastAPI) -> None:
    """Answer every exception of this app as a Problem."""
    app.add_exception_handler(errors.FirebreakError, _firebreak_error)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(Exception, _bug)


async def _firebreak_error(request: Request, error: Exception) -> JSONResponse:
    kind = type(error)
    if not isinstance(error, errors.FirebreakError) or kind not in STATUS:
        return await _bug(request, error)
    visit(request).error = error.code
    response = answer(STATUS[kind], error.code, str(error), _hint(request, kind))
    if isinstance(error, errors.RateLimited):
        response.headers["Retry-After"] = str(max(1, math.ceil(error.after_s)))
    elif error.retryable:
        response.headers["Retry-After"] = "2"
    return response


def _hint(request: Request, kind: type[errors.FirebreakError]) -> str:
    """What to do about an error, by what the request was about where that matters."""
    _, about, *more = request.url.path.split("/")
    for part in (*more[-1:], about):
        if hint := _HINT_ABOUT.get((kind, part)):
            return hint
    return _HINT.get(kind, "")


async def _validation_error(request: Request, error: Exception) -> JSONResponse:
    visit(request).error = "bad-input"
    found = error.errors() if isinstance(error, RequestValidationError) else []
    in_path = any(problem["loc"][0] == "path" for problem in found)
    return answer(
        400,
        "bad-input",
        "; ".join(told(found)[:10]) or "the request cannot be read",
        _hint(request, errors.NotFound if in_path else errors.BadInput),
    )


async def _http_error(_: Request, error: Exception) -> JSONResponse:
    status = error.status_code if isinstance(error, HTTPException) else 500
    detail = str(error.detail) if isinstance(error, HTTPException) else ""
    return answer(status, _BY_HTTP_STATUS.get(status, "bad-input"), detail)


async def _bug(request: Request, error: Exception) -> JSONResponse:
    _log.error(
        "request failed in an unforeseen way",
        method=request.method,
        path=printable(request.url.path),
        error=type(error).__name__,
        exc_info=error,
    )
    return answer(
        500, "internal", "an unforeseen error; it is in the server's log", "report it as a bug"
    )
