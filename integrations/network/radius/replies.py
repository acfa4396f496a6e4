"""What a NAK means: Error-Cause (RFC 5176 section 3.5) in the words of the error taxonomy."""

from firebreak.errors import (
    CapabilityMissing,
    FirebreakError,
    NotThere,
    OutcomeUnknown,
    RateLimited,
    Rejected,
    Unreachable,
)
from integrations.network.radius.packets import Reply, Request

SESSION_NOT_FOUND = 503
_INVALID_VALUE = 407
_INITIATED = 507
_NOT_ROUTABLE = 502
_RESOURCES = 506
_LATER_S = 5.0

_NAMES = {
    201: "Residual Session Context Removed",
    202: "Invalid EAP Packet",
    401: "Unsupported Attribute",
    402: "Missing Attribute",
    403: "NAS Identification Mismatch",
    404: "Invalid Request",
    405: "Unsupported Service",
    406: "Unsupported Extension",
    407: "Invalid Attribute Value",
    501: "Administratively Prohibited",
    502: "Request Not Routable",
    503: "Session Context Not Found",
    504: "Session Context Not Removable",
    505: "Other Proxy Processing Error",
    506: "Resources Unavailable",
    507: "Request Initiated",
    508: "Multiple Session Selection Unsupported",
    509: "Location-Info-Required",
    601: "Response Too Big",
}

# What to correct, by cause: the request is at odds with what the NAS takes.
_HINTS = {
    401: "it does not know one of these attributes; see the NAS's list, and `vlan` in the estate",
    402: "it wants an attribute that is not among these",
    403: "`nas_identifier` or `nas_ip` in the estate is not what the NAS calls itself",
    407: "it does not take the value of one of these; `mac` in the estate says how it writes them",
    501: "the NAS is configured to refuse this command",
}
_INCAPABLE = (405, 406, 504, 508)


def accepted(reply: Reply) -> bool:
    """Whether the NAS has done it, or has begun to (507, to a CoA-Request). No proof of effect."""
    return reply.ack or reply.cause == _INITIATED


def no_session(reply: Reply) -> bool:
    """Whether the NAS says that it has no such session."""
    return not reply.ack and reply.cause == SESSION_NOT_FOUND


def refusal(where: str, request: Request, reply: Reply) -> FirebreakError:
    """The error of a NAK that is no ``accepted`` one.

    The NAS has changed nothing, unless it says that it has no such session (503) to a request that
    left more than once: the first may have ended the session, and its ACK may be lost.
    """
    cause = reply.cause
    said = f"{where} answered {request} by {reply.name}, {_named(cause)}"
    if cause == SESSION_NOT_FOUND:
        if reply.sends > 1:
            return OutcomeUnknown(f"{said}, after {reply.sends} transmissions; one may have acted")
        return NotThere(f"{said}: the device is on another NAS, or on none")
    if cause == _RESOURCES:
        return RateLimited(said, _LATER_S)
    if cause == _NOT_ROUTABLE:
        return Unreachable(f"{said}: a proxy between did not reach the NAS")
    if cause in _INCAPABLE:
        return CapabilityMissing(said)
    hint = _HINTS.get(cause or 0)
    return Rejected(f"{said}: {hint}" if hint else said)


def listening(where: str, request: Request, reply: Reply) -> str:
    """The evidence in a reply about a session that cannot be (``requests.NOBODY``).

    Raises:
        FirebreakError: the NAS would not take the real request either.
    """
    if accepted(reply):
        return f"{where} answers, and agrees even to what cannot be: its ACK proves nothing"
    if reply.cause in (SESSION_NOT_FOUND, _INVALID_VALUE):
        return f"{where} answers and takes such requests"
    raise refusal(where, request, reply)


def _named(cause: int | None) -> str:
    if cause is None:
        return "without Error-Cause"
    return f"Error-Cause {cause} ({_NAMES.get(cause, 'not in RFC 5176')})"
