"""Every setting, from environment variables (FIREBREAK_*), with defaults for one machine."""

import json
import os
import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

_NOT_PEOPLE = frozenset({"automation", "service"})


class Settings(BaseSettings):
    """Settings of every Firebreak process. Durations are seconds."""

    model_config = SettingsConfigDict(env_prefix="FIREBREAK_", frozen=True, extra="ignore")

    state_dir: Path = Field(
        default=Path(".firebreak"), description="Keys, tokens, the embedded databases and logs"
    )
    database_url: str = Field(
        default="", description="SQLAlchemy URL of the ledger; empty: SQLite in the state directory"
    )
    estate_file: Path = Field(
        default=Path("estate.yaml"), description="Sites, switches, sentinels and devices"
    )
    playbook_dirs: Annotated[tuple[Path, ...], NoDecode] = Field(
        default=(),
        description="Directories with more playbooks, separated by colons (as in PATH); a name "
        "there wins over a shipped one",
    )
    adapters: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="Python modules with adapters of your own, separated by commas; see "
        "docs/how-to/add-an-adapter.md",
    )
    policy_file: Path | None = Field(
        default=None,
        description="Policies: a .cedar file, or a directory of them; empty: the shipped "
        "playbooks/policies",
    )
    people_file: Path | None = Field(
        default=None,
        description="People, their accounts and roles, and who is on call when; empty: every API "
        "token is a person of its own",
    )
    channels_file: Path | None = Field(
        default=None,
        description="Where people are told and asked: chat, paging, tickets, mail; empty: nowhere",
    )
    template_dirs: Annotated[tuple[Path, ...], NoDecode] = Field(
        default=(),
        description="Directories with templates of your own for channels, separated by colons; one "
        "there wins over a shipped one of the same name",
    )
    public_url: str = Field(
        default="",
        description="Where people reach this server, for links in what they are told; empty: none",
    )

    temporal_address: str = Field(default="127.0.0.1:7233", description="Temporal frontend")
    temporal_namespace: str = Field(default="default", description="Temporal namespace")
    task_queue: str = Field(default="firebreak", description="Task queue of responses")
    temporal_tls: bool = Field(default=False, description="Use TLS towards Temporal")
    temporal_ui_port: int = Field(
        default=0, description="Port of the embedded Temporal's web UI; 0: none"
    )
    temporal_sync: Literal["full", "normal"] = Field(
        default="full", description="Embedded Temporal: survive power loss (full) or only a crash"
    )

    listen_host: str = Field(default="127.0.0.1", description="Address the API listens on")
    listen_port: int = Field(default=8700, description="Port the API listens on")
    url: str = Field(
        default="", description="Where the CLI finds the API; empty: listen_host and listen_port"
    )
    token: str = Field(
        default="", description="API token of the CLI; empty: the one in the state directory"
    )
    max_body_bytes: int = Field(
        default=4 * 1024 * 1024, description="Largest request body accepted"
    )

    audit_days: int = Field(
        default=365, ge=0, description="Days a line of the audit log is kept; 0: for good"
    )
    oidc_issuer: str = Field(
        default="",
        description="Issuer of the OpenID provider that people sign in with; empty: none",
    )
    oidc_client_id: str = Field(default="", description="What this installation is called there")
    oidc_client_secret: str = Field(
        default="",
        description="Reference to the client's secret (env:NAME, file:/path), for `firebreak "
        "login` with a confidential client; empty: a public client",
    )
    oidc_audience: str = Field(
        default="", description="Audience of the access tokens for this API; empty: ID tokens only"
    )
    oidc_scopes: str = Field(
        default="openid email offline_access",
        description="What `firebreak login` asks the provider for; some want `groups` named, too",
    )
    oidc_groups_claim: str = Field(
        default="groups", description="Claim of a token that lists a person's groups"
    )
    oidc_roles: Annotated[dict[str, tuple[str, ...]], NoDecode] = Field(
        default_factory=dict,
        description="Roles of groups: `soc=analyst,soc=on-call,leads=soc-lead`, or a JSON object",
    )
    suricata_secret: str = Field(
        default="",
        description="Reference to the key of Suricata's HMAC signatures (env:NAME, file:/path)",
    )
    switch_deadline_s: float = Field(
        default=30, gt=0, description="Longest time one operation on a switch may take"
    )
    effect_timeout_s: float = Field(
        default=240, gt=0, description="Longest time one attempt of an effect may take"
    )
    send_window_s: float = Field(
        default=45,
        gt=0,
        description="After its intent an attempt may send for this long; a later one waits it out",
    )
    glass_s: int = Field(default=900, ge=1, description="How long a break-glass lasts by default")
    glass_longest_s: int = Field(
        default=3600, ge=1, description="Longest time that a break-glass may be asked for"
    )
    glass_review_s: int = Field(
        default=3 * 86400,
        ge=1,
        description="After its end a break-glass must have been reviewed within this time",
    )
    retry_attempts: int = Field(
        default=3, ge=1, description="Attempts on a rung that cannot be reached"
    )
    retry_backoff_s: float = Field(default=1, gt=0, description="First back-off between attempts")
    heartbeat_timeout_s: float = Field(
        default=10, gt=0, description="How soon an effect whose worker fell silent is taken over"
    )
    release_retry_s: float = Field(
        default=60, gt=0, description="Pause before a release that failed is tried again"
    )
    workflow_task_timeout_s: float = Field(
        default=5, gt=0, description="How soon Temporal gives a dead worker's task to another"
    )
    # More than a burst is likely to have in flight: an activity that finds no slot free when its
    # workflow asks for it waits for one behind all that do, and may be thought dead meanwhile.
    concurrent_effects: int = Field(
        default=200, ge=1, description="Effects a worker carries out at once"
    )
    cached_workflows: int = Field(
        default=500, ge=0, description="Workflows a worker keeps in memory; 0: replay every task"
    )
    log_json: bool = Field(default=False, description="Log lines as JSON")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="INFO", description="Least important log line shown"
    )

    @field_validator("playbook_dirs", "template_dirs", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        """Directories as in PATH, or a JSON list."""
        if not isinstance(value, str):
            return value
        return json.loads(value) if value.startswith("[") else value.split(os.pathsep)

    @field_validator("adapters", mode="before")
    @classmethod
    def _names(cls, value: object) -> object:
        """Module names in one string, or a JSON list."""
        if not isinstance(value, str):
            return value
        if value.startswith("["):
            return json.loads(value)
        return tuple(name for part in value.split(",") if (name := part.strip()))

    @field_validator("oidc_roles", mode="before")
    @classmethod
    def _roles(cls, value: object) -> object:
        """Pairs in one string, or a JSON object of a role or roles for each group."""
        if isinstance(value, str) and value.startswith("{"):
            value = json.loads(value)
        if isinstance(value, dict):
            return {group: (one,) if isinstance(one, str) else one for group, one in value.items()}
        if not isinstance(value, str):
            return value
        roles: dict[str, tuple[str, ...]] = {}
        for pair in filter(None, (part.strip() for part in value.split(","))):
            group, equals, role = (part.strip() for part in pair.rpartition("="))
            if not (group and equals and role):
                raise ValueError(f"{pair!r} is not group=role")
            roles[group] = (*roles.get(group, ()), role)
        return roles

    @field_validator("oidc_roles")
    @classmethod
    def _people_only(cls, value: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        """A sign-in makes a person: never automation, a service or a detector."""
        for role in (role for roles in value.values() for role in roles):
            if not re.fullmatch(r"[a-z][a-z0-9-]{0,62}", role) or role in _NOT_PEOPLE:
                raise ValueError(f"a group cannot have the role {role!r}")
        return value

    @property
    def ledger_url(self) -> str:
        """The ledger's SQLAlchemy URL."""
        return self.database_url or f"sqlite:///{self.state_dir.absolute() / 'ledger.db'}"

    @property
    def api_url(self) -> str:
        """Where the CLI finds the API, without a trailing slash."""
        return (self.url or f"http://{self.listen_host}:{self.listen_port}").rstrip("/")
