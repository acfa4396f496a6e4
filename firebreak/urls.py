"""Where a secret may travel to: over TLS, or nowhere but this machine."""

import ipaddress
from urllib.parse import urlsplit


def checked_url(url: object) -> str:
    """An https URL, or http on the loopback address. Raises ValueError."""
    if isinstance(url, str):
        parts = urlsplit(url)
        if parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname)):
            return url
    raise ValueError("the provider must be reached by https")


def is_loopback(host: str | None) -> bool:
    """Whether a host name or address is this machine's own."""
    try:
        return host == "localhost" or ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False
