"""The inventory from an estate file, for sites whose CMDB is a file in version control."""

from pathlib import Path
from typing import Self

import structlog

from firebreak.domain.device import Device, normalize_mac
from firebreak.domain.estate import Estate
from firebreak.errors import NotFound
from firebreak.live_file import LiveFile, stamp
from firebreak.strict_yaml import read

_log = structlog.get_logger(__name__)


class _Index:
    """One version of the estate, by every key it is asked for."""

    def __init__(self, estate: Estate) -> None:
        self.estate = estate
        self.devices = tuple(sorted(estate.devices, key=lambda d: d.id))
        self.by_id = {d.id: d for d in self.devices}
        self.by_mac = {d.mac: d for d in self.devices}
        self.by_ip = {d.ip: d for d in self.devices if d.ip}
        self.time_zones = {site.id: site.time_zone for site in estate.sites}


class YamlInventory:
    """Devices from a YAML file; a change of the file is taken up within some seconds.

    A new version that does not validate is logged as an error and the last good one stays; see
    ``LiveFile``.
    """

    def __init__(self, path: Path) -> None:
        """Use ``load``."""
        self._path = path
        self._file = LiveFile(
            lambda: _Index(read(path).validate(Estate)),
            lambda: stamp(path),
            taken=self._taken,
            refused=self._refused,
        )

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read and check the file. Raises DefinitionError naming file, line and what is wrong."""
        return cls(path)

    @property
    def problem(self) -> str | None:
        """Why an older file counts than the one that is there; None when all is well."""
        return self._file.problem

    @property
    def estate(self) -> Estate:
        """Sites, switches and devices as last read."""
        return self._file.current().estate

    def device(self, device_id: str) -> Device:
        """The device by id. Raises NotFound."""
        try:
            return self._file.current().by_id[device_id]
        except KeyError:
            raise NotFound(
                f"no device {device_id!r} in {self._path.name}; `firebreak devices` lists them"
            ) from None

    def by_address(self, *, ip: str | None = None, mac: str | None = None) -> Device | None:
        """The device with that address, or None. When both are given and differ, MAC wins."""
        index = self._file.current()
        found = index.by_mac.get(_normalized(mac)) if mac else None
        return found or (index.by_ip.get(ip) if ip else None)

    def devices(self) -> tuple[Device, ...]:
        """All devices, by id."""
        return self._file.current().devices

    def time_zone(self, site: str) -> str:
        """IANA name of the site's time zone; ``UTC`` when it names none. Raises NotFound."""
        try:
            return self._file.current().time_zones[site]
        except KeyError:
            raise NotFound(f"no site {site!r} in {self._path.name}") from None

    def refresh(self) -> None:
        """Read the file now if it changed. A broken one is logged and leaves things as they are."""
        self._file.refresh()

    def _taken(self, before: _Index, now: _Index) -> None:
        del before
        _log.info("estate file read again", file=str(self._path), devices=len(now.devices))

    def _refused(self, still: _Index, problem: str) -> None:
        _log.error(
            "estate file is broken; still using the last good one",
            file=str(self._path),
            devices=len(still.devices),
            problem=problem,
        )


def _normalized(mac: str) -> str:
    try:
        return normalize_mac(mac)
    except ValueError:
        return ""
