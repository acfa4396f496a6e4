"""What `firebreak up` makes at its first start: the ledger's schema and the first tokens."""

import asyncio

from firebreak.cli.token_files import token_file, write_token
from firebreak.ledger.database import Database
from firebreak.ledger.tokens import Tokens
from firebreak.settings import Settings
from firebreak.statedir import StateDir

# An administrator, a person on call and one who leads, since no two roles of one person ever count
# for two; and the one detector whose format is known.
FIRST_TOKENS = {
    "admin": ("admin",),
    "oncall": ("on-call",),
    "lead": ("soc-lead",),
    "suricata": ("source:suricata",),
}


def prepare(settings: Settings, state: StateDir) -> None:
    """Bring the ledger's schema up to date, and make each first token that never was there.

    A token that somebody revoked, or whose file somebody moved away, is not made again.

    Raises:
        DefinitionError: the ledger's URL is wrong.
        LedgerUnavailable: its database does not answer.
    """
    asyncio.run(_prepare(settings, state))


async def _prepare(settings: Settings, state: StateDir) -> None:
    database = await Database.open(settings.ledger_url)
    try:
        tokens = Tokens(database)
        known = {token.name for token in await tokens.list()}
        for name, roles in FIRST_TOKENS.items():
            if name not in known:
                write_token(token_file(state, name), await tokens.create(name, roles))
    finally:
        await database.close()
