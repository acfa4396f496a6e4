"""The inventory from an estate file, for sites whose CMDB is a file in version control."""

import threading
import time
from pathlib import Path
from typing import Self

import structlog

from firebreak.domain.device import Device, normalize_mac
from firebreak.domain.estate import Estate
from firebreak.errors import DefinitionError, NotFound
from firebreak.strict_yaml import read

CHECK_EVERY_S = 1.0

_log = structlog.get_logger(__name__)

Stamp = tuple[int, int, int]  # when it was written, its size, its inode
_GONE: Stamp = (0, 0, 0)


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

    The file is looked at no more than once a second, and read in a thread only when it has looked
    the same twice, so that neither a half-written file nor a long parse is felt. A new version that
    does not validate is logged as an error and the last good one stays.
    """

    def __init__(self, path: Path, estate: Estate, stamp: Stamp) -> None:
        """Use ``load``; this takes what it has read."""
        self._path = path
        self._index = _Index(estate)
        self._tried = stamp  # the last version of the file that was read, good or not
        self._seen = stamp
        self._checked_at = time.monotonic()
        self._lock = threading.Lock()
        self._reading: threading.Thread | None = None
        self.problem: str | None = None

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read and check the file. Raises DefinitionError naming file, line and what is wrong."""
        stamp = _stamp(path)
        return cls(path, read(path).validate(Estate), stamp)

    @property
    def estate(self) -> Estate:
        """Sites, switches and devices as last read."""
        return self._current().estate

    def device(self, device_id: str) -> Device:
        """The device by id. Raises NotFound."""
        try:
            return self._current().by_id[device_id]
        except KeyError:
            raise NotFound(
                f"no device {device_id!r} in {self._path.name}; `firebreak devices` lists them"
            ) from None

    def by_address(self, *, ip: str | None = None, mac: str | None = None) -> Device | None:
        """The device with that address, or None. When both are given and differ, MAC wins."""
        index = self._current()
        found = index.by_mac.get(_normalized(mac)) if mac else None
        return found or (index.by_ip.get(ip) if ip else None)

    def devices(self) -> tuple[Device, ...]:
        """All devices, by id."""
        return self._current().devices

    def time_zone(self, site: str) -> str:
        """IANA name of the site's time zone; ``UTC`` when it names none. Raises NotFound."""
        try:
            return self._current().time_zones[site]
        except KeyError:
            raise NotFound(f"no site {site!r} in {self._path.name}") from None

    def refresh(self) -> None:
        """Read the file now if it changed. A broken one is logged and leaves things as they are."""
        stamp = _stamp(self._path)
        with self._lock:
            if stamp == self._tried:
                return
            try:
                self._index = _Index(read(self._path).validate(Estate))
            except DefinitionError as error:
                self.problem = str(error)
                _log.error(
                    "estate file is broken; still using the last good one",
                    file=str(self._path),
                    devices=len(self._index.devices),
                    problem=self.problem,
                )
            else:
                self.problem = None
                _log.info(
                    "estate file read again",
                    file=str(self._path),
                    devices=len(self._index.devices),
                )
            self._tried = self._seen = stamp

    def _current(self) -> _Index:
        now = time.monotonic()
        if now - self._checked_at >= CHECK_EVERY_S:
            self._checked_at = now
            self._check()
        return self._index

    def _check(self) -> None:
        stamp = _stamp(self._path)
        settled, self._seen = stamp == self._seen, stamp
        if stamp == self._tried or not settled or (self._reading and self._reading.is_alive()):
            return
        self._reading = threading.Thread(target=self.refresh, name="estate-reload", daemon=True)
        self._reading.start()


def _stamp(path: Path) -> Stamp:
    try:
        status = path.stat()
    except OSError:
        return _GONE
    return status.st_mtime_ns, status.st_size, status.st_ino


def _normalized(mac: str) -> str:
    try:
        return normalize_mac(mac)
    except ValueError:
        return ""
