"""What a bearer token says about who sent it, before the directory is asked."""

from dataclasses import dataclass
from typing import Literal

from firebreak.domain.people import Principal


@dataclass(frozen=True, slots=True)
class Credential:
    """A token that was found good.

    ``principal`` is whose it is where no directory knows the account. ``scopes``: the only things
    it is good for; None: whatever the principal's roles allow. ``email`` is verified, or empty.
    """

    provider: Literal["token", "oidc"]
    account: str
    principal: Principal
    scopes: frozenset[str] | None = None
    email: str = ""
