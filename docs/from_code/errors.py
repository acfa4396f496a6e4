"""docs/errors.md: every error, what Firebreak does about it, and what is left to people."""

from dataclasses import dataclass

from docs.from_code.markdown import code, first_paragraph, page, section, table
from firebreak import errors
from firebreak.cli.exits import exit_for
from firebreak.cli.exits import table as exit_table
from firebreak.server.problems import STATUS

_INTRO = """\
Every error has a stable code. It stands in ledger entries and receipts (`outcome.error`), in API
answers (`error`) and in what the command line prints with `--json`. Code branches on the type
behind it, never on the text.

"Next rung" means the next method of the step's `ladder`. When no rung is left, the step has failed:
its `on_failure` steps run if it has any, else the response ends as `failed`."""

_OTHERS = """\
| code | where | what it means |
| --- | --- | --- |
| `timed-out` | outcome of a step with `until` | the condition did not come true `within` its time |
| `failed` | command line | the command ended without what was asked for; the message says why |
| `internal` | outcome of a step, API answer (500) | a bug, of Firebreak or an adapter: recorded, \
logged, and never tried again |"""


@dataclass(frozen=True)
class Reaction:
    """What the engine does when it meets an error, and what people can do."""

    engine: str
    people: str


REACTIONS: dict[type[errors.FirebreakError], Reaction] = {
    errors.DefinitionError: Reaction(
        "Refuses the file at load. Found at run time only, in an expression, it ends the ladder.",
        "Correct what the message names: file, line and column.",
    ),
    errors.PolicyDenied: Reaction(
        "Ends the ladder; the outcome is `refused` and nothing was sent.",
        "The record names the rules. Ask someone who may, or change the policy.",
    ),
    errors.InterlockEngaged: Reaction(
        "Ends the ladder; nothing was sent.",
        "Look with your own eyes: the message names what stands against it, such as two ports that "
        "claim one address.",
    ),
    errors.BlastRadiusExceeded: Reaction(
        "Ends the ladder; the outcome is `refused` and nothing was sent.",
        "`firebreak limits` shows the cap. Release what need not be contained, or raise the cap in "
        "the estate file if so many devices really must be.",
    ),
    errors.Halted: Reaction(
        "Ends the ladder; nothing was sent. What had been sent before is finished and verified, "
        "and holds still end on time.",
        "`firebreak halts` names who stopped it and why; a second person resumes.",
    ),
    errors.Unreachable: Reaction(
        "Tries again with growing pauses, `FIREBREAK_RETRY_ATTEMPTS` times; then the next rung.",
        "See whether the system answers; nothing was sent to it.",
    ),
    errors.RateLimited: Reaction(
        "Waits as long as the system asks, then tries the same rung.",
        "Nothing, unless it goes on: then the system's limit is too low for the fleet.",
    ),
    errors.Busy: Reaction(
        "Tries again shortly, as often as an unreachable system; then the ladder ends.",
        "Wait for the other response, or look at `firebreak holds`.",
    ),
    errors.AuthFailed: Reaction(
        "Never tries again; next rung.",
        "Correct the secret or the host key. A host key that changed is a reason to look first.",
    ),
    errors.Rejected: Reaction(
        "Next rung; if it was the last one the outcome is `refused`.",
        "The message says what is wrong: an uplink, a trunk, another port; or what has ended "
        "already.",
    ),
    errors.NotThere: Reaction(
        "Looks for the device on every switch of its site; found nowhere else, the next rung.",
        "Correct `attached` in the inventory. The evidence of the plan says where it was seen.",
    ),
    errors.CapabilityMissing: Reaction(
        "Next rung.", "Leave the rung out of the ladder, or install the adapter that has it."
    ),
    errors.StateDrifted: Reaction(
        "Seen before anything is sent: a new plan, and a new approval where one is needed, three "
        "times at most. Seen on the line itself: nothing is written; next rung.",
        "Find out who else changes the device.",
    ),
    errors.OutcomeUnknown: Reaction(
        "Looks, waits until nothing more can arrive, looks again. Sends again only what may be "
        "repeated, three times at most; else the outcome is `unknown`, the ladder ends and the "
        "hold is stuck.",
        "Look at the device, then release the hold or leave it in force.",
    ),
    errors.VerificationFailed: Reaction(
        "Puts back what was done; next rung.",
        "The record has the state read back and both probes.",
    ),
    errors.RevertFailed: Reaction(
        "Ends the ladder; the hold is stuck. A release is tried again every "
        "`FIREBREAK_RELEASE_RETRY_S` seconds.",
        "The device may still be contained: go and look now.",
    ),
    errors.HoldStuck: Reaction(
        "Ends the ladder: nothing more is done to a device whose state is in doubt.",
        "`firebreak holds` shows it. Repair the cause, then `firebreak release`.",
    ),
    errors.LedgerUnavailable: Reaction(
        "Sends nothing that cannot be recorded; tries again until the ledger answers.",
        "See the database and `GET /healthz`.",
    ),
    errors.LedgerConflict: Reaction(
        "Takes the entry that stands, where another attempt wrote it first; else refuses.",
        "A chain that does not verify is a reason for an investigation, not for a retry.",
    ),
    errors.NotFound: Reaction("Ends the ladder.", "Check the name."),
    errors.Unauthorized: Reaction("Refuses the request.", "Use a valid token or signature."),
    errors.Forbidden: Reaction("Refuses the request.", "Ask someone who has the role."),
    errors.BadInput: Reaction("Refuses the request.", "The message names the field."),
}


def render() -> str:
    """The page. Raises KeyError when an error has no reaction."""
    rows = [_row(error) for error in errors.every_error()]
    columns = ("code", "what happened", "what Firebreak does", "what you do", "HTTP", "exit")
    return page(
        "Errors",
        "firebreak/errors.py",
        _INTRO,
        table(columns, rows),
        section("Codes that are no error of an outside system", _OTHERS),
        section("Exit codes", exit_table()),
    )


def _row(error: type[errors.FirebreakError]) -> tuple[str, ...]:
    reaction = REACTIONS[error]
    happened = first_paragraph(error.__doc__).partition(". ")[0].rstrip(".") + "."
    return (
        code(error.code),
        happened,
        reaction.engine,
        reaction.people,
        str(STATUS[error]),
        str(exit_for(error.code).value),
    )
