"""Who people are and who is on duty, as server and worker know it."""

from typing import NamedTuple

from firebreak.contracts.people import Directory, Roster
from firebreak.people.directory import PeopleDirectory
from firebreak.people.live import LivePeople
from firebreak.people.nobody import NobodyKnown
from firebreak.people.roster import RotaRoster
from firebreak.settings import Settings
from integrations.oncall.pagerduty import PagerDutyOnCall


class Everyone(NamedTuple):
    """The two, made of one people file."""

    directory: Directory
    roster: Roster

    @property
    def known(self) -> Directory | None:
        """The directory, where there is a people file."""
        return None if isinstance(self.directory, NobodyKnown) else self.directory

    @property
    def rotas(self) -> Roster | None:
        """The roster, where there is a people file."""
        return None if isinstance(self.roster, NobodyKnown) else self.roster

    async def close(self) -> None:
        """Let go of the schedules that are kept elsewhere."""
        if isinstance(self.roster, RotaRoster):
            await self.roster.close()


def load_people(settings: Settings) -> Everyone:
    """The people file's, or those who know nobody when there is none. Raises DefinitionError."""
    if settings.people_file is None:
        nobody = NobodyKnown()
        return Everyone(nobody, nobody)
    people = LivePeople.load(settings.people_file)
    roster = RotaRoster(people, PagerDutyOnCall)
    people.follow()
    return Everyone(PeopleDirectory(people, roster), roster)
