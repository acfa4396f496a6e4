"""The root of an incident's thread, and the steps in it: where it stands, and what moved."""

from collections.abc import Sequence

from firebreak.contracts.ledger import IncidentRow
from firebreak.contracts.people import News, Story, Weight
from firebreak.domain.people import ApprovalState
from firebreak.domain.record import JOURNAL
from integrations.chat.slack.blocks import Message, facts, fit, header, listed, ours, small
from integrations.chat.slack.markup import clean, cut, fallback, mention, plain_when

_WORD = 40


def summary(story: Story, row: IncidentRow) -> Message:
    """The incident as it stands now. It is updated: it mentions nobody."""
    stands = standing(story, row)
    waiting = [a for a in story.approvals if a.state is ApprovalState.PENDING]
    waits = [f"an answer to {a.step} until {plain_when(a.expires_at)}" for a in waiting]
    held = [
        f"{h.action} is {h.state.value}"
        + (f" until {plain_when(h.expires_at)}" if h.expires_at else "")
        for h in story.holds
    ]
    opened = f"{row.playbook}, opened {plain_when(row.opened_at)}"
    ended = f", closed {plain_when(row.closed_at)}" if row.closed_at else ""
    blocks = [
        header(f"{stands}: {row.device}"),
        facts(
            [
                ("Incident", row.title),
                ("Status", row.status),
                ("Device", row.device),
                ("Playbook", opened + ended),
                ("Asked for by", row.requester),
                ("Waits for", "; ".join(waits)),
                ("In force", "; ".join(held)),
            ]
        ),
        small(f"{row.id}   firebreak incident show {row.id}"),
    ]
    return Message(text=fallback(f"{stands}: {row.device}, {row.title}"), blocks=blocks)


def standing(story: Story, row: IncidentRow) -> str:
    """``NOT contained`` until it was seen in force, and the word for what came later."""
    if not row.contained:
        return "Closed, NOT contained" if story.ended else "NOT contained"
    return "Contained earlier, released" if story.ended else "Contained"


def notable(story: Story, told: int) -> tuple[News, ...]:
    """What is worth a line and was not told. A request has its card."""
    return tuple(
        one
        for one in story.news
        if one.entry.seq > told
        and one.weight >= Weight.PROGRESS
        and one.entry.kind.value != "approval.requested"
    )


def steps(news: Sequence[News], called: Sequence[str], incident: str) -> Message:
    """Everything that moved since the last time, in one message. ``called``: whom to mention."""
    lines = _lines(news)
    blocks = [listed("", lines)]
    if called:
        blocks.insert(0, ours(f"{' '.join(map(mention, called))} your answer is still missing."))
    if len(news) > len(blocks[-1]["elements"][-1]["elements"]):
        blocks.append(small(f"all of it: firebreak incident show {incident}"))
    first = "; ".join(" ".join(line) for line in lines[:3])
    text = " ".join([*map(mention, called), fallback(first)])
    return Message(text=text, blocks=fit(blocks))


def bulletin(news: Sequence[News], call: str) -> Message:
    """News of the installation itself. ``call``: ``here``, ``channel`` or empty."""
    lines = _lines(news)
    alarm = any(one.weight is Weight.ALARM for one in news)
    loud = f"<!{call}> " if call and alarm else ""
    blocks = [header("Firebreak: attention" if alarm else "Firebreak"), listed("", lines)]
    if loud:
        blocks.insert(1, ours(f"{loud}this concerns everybody."))
    blocks.append(small(f"firebreak incident show {JOURNAL}"))
    first = "; ".join(" ".join(line) for line in lines[:3])
    return Message(text=f"{loud}{fallback(first)}", blocks=fit(blocks))


def _lines(news: Sequence[News]) -> list[tuple[str, str]]:
    """A word and a text for each; Slack shows the text as one line, so its parts are kept apart."""
    return [(cut(clean(one.word), _WORD), "; ".join(one.text.splitlines())) for one in news]
