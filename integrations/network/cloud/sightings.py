"""MAC addresses as controllers spell them."""

from firebreak.domain.device import normalize_mac


def mac_or_none(text: str | None) -> str | None:
    """The address in lower-case colons; None when a controller has none, or something else."""
    if text is None:
        return None
    try:
        return normalize_mac(text)
    except ValueError:
        return None
