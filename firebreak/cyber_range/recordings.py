"""Genuine detector output about the range's devices; see data/README.md for how it came to be."""

from importlib.resources import files


def mirai_alerts() -> bytes:
    """Suricata EVE lines in which ``cam-17`` (10.20.0.17) behaves as a Mirai bot."""
    recording = files("firebreak.cyber_range") / "data" / "suricata-mirai-eve.json"
    return recording.read_bytes()
