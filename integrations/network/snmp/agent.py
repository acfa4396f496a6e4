"""One switch's SNMPv3 agent: requests with second tries where they do no harm, and walks.

An engine is kept, for making one takes a tenth of a second. When the agent comes back with another
engine ID a kept engine never finds it again, so after a time-out a read is tried once more over a
fresh one (measured with pysnmp 7.1). A SET is sent once and never again.
"""

from collections.abc import Awaitable, Callable, Sequence

from firebreak.domain.estate import SnmpAccess, Switch
from firebreak.errors import AuthFailed, CapabilityMissing, Rejected, Unreachable
from integrations.network.snmp.engine import Engine, Row, Value, Write
from integrations.network.snmp.faults import Denied, Lost, Refused, Silent
from integrations.network.snmp.fence import Fence
from integrations.network.snmp.interfaces import Interfaces
from integrations.network.snmp.mib import Oid

Request = Callable[[Engine, float], Awaitable[list[Row]]]

_REPETITIONS = 24  # rows of one GETBULK, over all its columns: a reply of about 1500 octets


class Agent:
    """The engine for one switch, made when it is needed. One operation at a time."""

    def __init__(self, switch: Switch, access: SnmpAccess) -> None:
        self.switch = switch
        self.access = access
        self.interfaces: Interfaces | None = None  # as last read
        self.rows: dict[tuple[Oid, ...], int] = {}  # how many these columns had
        self.takes_serial = True  # until it refuses snmpSetSerialNo
        self._engine: Engine | None = None
        self._proven = False  # the agent has answered with these keys

    async def read(self, request: Request, fence: Fence) -> list[Row]:
        """Send a request that changes nothing, more than once if need be.

        Raises:
            Unreachable: no answer, over the kept engine and over a fresh one.
            AuthFailed: the agent does not know the user, or one of the keys is wrong.
            Refused: as the agent said.
        """
        try:
            if self._engine is not None:
                try:
                    return await self._tried(self._engine, request, fence)
                except Silent:
                    if not fence.left():
                        raise
                    self.drop()
            return await self._tried(await self._fresh(), request, fence)
        except Silent as error:
            raise self._unanswered() from error
        except Denied as error:
            self.drop()
            raise AuthFailed(
                f"the SNMP agent of {self.switch.id} denies {self.access.user}: {error}"
            ) from error

    async def set(self, writes: Sequence[Write], fence: Fence) -> None:
        """Send one SET, once. Raises TooLate, Lost, Refused."""
        engine = self._engine or await self._fresh()
        limit_s = min(self.access.timeout_s, fence.pass_effect())
        try:
            await engine.set(writes, self.access.context, limit_s)
        except (Silent, Denied) as error:  # a denial is a datagram that anyone can forge
            raise Lost(str(error)) from error

    def drop(self) -> None:
        """Close the engine; the next request makes a new one, with secrets resolved anew."""
        engine, self._engine = self._engine, None
        if engine is not None:
            engine.close()

    async def _fresh(self) -> Engine:
        self._engine = await Engine.open(self.access)
        return self._engine

    async def _tried(self, engine: Engine, request: Request, fence: Fence) -> list[Row]:
        for _ in range(1 + self.access.retries):
            limit_s = min(self.access.timeout_s, fence.left())
            if not limit_s:
                break
            try:
                rows = await request(engine, limit_s)
            except Silent:
                continue
            self._proven = True
            return rows
        raise Silent("no answer")

    def _unanswered(self) -> Unreachable | AuthFailed:
        where = f"the SNMP agent of {self.switch.id} at {self.access.host}:{self.access.port}"
        met = self._engine is not None and self._engine.met
        if met and not self._proven:
            return AuthFailed(
                f"{where} tells its engine ID and answers nothing else: it drops what it cannot "
                f"decrypt, so check {self.access.priv_key} and `priv`"
            )
        return Unreachable(f"{where} does not answer")


class Line:
    """An agent for the length of one operation: what jobs are given."""

    def __init__(self, agent: Agent, fence: Fence) -> None:
        self.agent = agent
        self.fence = fence

    @property
    def switch(self) -> Switch:
        """The switch at the other end."""
        return self.agent.switch

    async def get(self, *oids: Oid) -> dict[Oid, Value]:
        """The objects that the agent has. Raises as Agent.read."""

        async def request(engine: Engine, limit_s: float) -> list[Row]:
            return await engine.get(oids, self.agent.access.context, limit_s)

        rows = await self._read(request)
        return {oid: value for oid, value in rows if value is not None}

    async def walk(self, *columns: Oid, context: str | None = None) -> list[dict[Oid, Value]]:
        """Whole columns, each by what comes after its OID. Raises as Agent.read."""
        named = self.agent.access.context if context is None else context
        found: list[dict[Oid, Value]] = [{} for _ in columns]
        open_at = dict(enumerate(columns))  # where to go on in each column that has not ended
        while open_at:
            asked = dict(open_at)
            most = max(1, _REPETITIONS // len(asked))
            repetitions = min(most, self.agent.rows.get(columns, most) + 1)

            async def request(
                engine: Engine, limit_s: float, asked: dict[int, Oid] = asked, n: int = repetitions
            ) -> list[Row]:
                return await engine.bulk(tuple(asked.values()), n, named, limit_s)

            rows = await self._read(request)
            if not rows:
                raise Rejected(f"the SNMP agent of {self.switch.id} sends empty replies")
            for offset, number in enumerate(asked):
                column, rest = columns[number], rows[offset :: len(asked)]
                inside = _inside(column, asked[number], rest)
                found[number].update({oid[len(column) :]: value for oid, value in inside})
                if len(inside) < len(rest):
                    del open_at[number]
                elif inside:  # a reply may be cut short, before a column has got anything
                    open_at[number] = inside[-1][0]
        self.agent.rows[columns] = max(map(len, found))
        return found

    async def set(self, *writes: Write) -> None:
        """Send one SET, once. Raises TooLate, Lost, Refused."""
        await self.agent.set(writes, self.fence)

    async def _read(self, request: Request) -> list[Row]:
        try:
            return await self.agent.read(request, self.fence)
        except Refused as error:
            raise refusal(self.agent, error) from error


def refusal(agent: Agent, error: Refused) -> AuthFailed | Rejected:
    """What an error status means to whoever asked."""
    where = f"the SNMP agent of {agent.switch.id}"
    if error.forbidden:
        return AuthFailed(f"{where} gives {agent.access.user} no right to it: {error}")
    return Rejected(f"{where}: {error}")


def writable(switch: Switch) -> SnmpAccess:
    """The switch's agent for writing. Raises CapabilityMissing when the estate says otherwise."""
    if switch.snmp is None:
        raise CapabilityMissing(f"switch {switch.id} has no `snmp` entry in the estate")
    if not switch.snmp.write:
        raise CapabilityMissing(f"the estate has `write: false` for the SNMP agent of {switch.id}")
    return switch.snmp


def _inside(column: Oid, after: Oid, rows: list[Row]) -> list[tuple[Oid, Value]]:
    """The leading rows that belong to a column and come in order, as an agent must send them."""
    inside: list[tuple[Oid, Value]] = []
    for oid, value in rows:
        if value is None or oid[: len(column)] != column or oid <= after:
            break
        inside.append((oid, value))
        after = oid
    return inside
