"""Which authorization source a site has, by its entry in the estate."""

from collections.abc import Mapping
from typing import assert_never

from firebreak.contracts import AuthorizationSource
from firebreak.domain.estate import FreeRadiusSql, FreeRadiusUsers, Site
from integrations.network.radius.freeradius_sql import FreeRadiusSqlSource
from integrations.network.radius.freeradius_users import FreeRadiusUsersSource


def authorization_sources(sites: Mapping[str, Site]) -> dict[str, AuthorizationSource]:
    """The source of each site that names one, by site id. Connects to nothing."""
    found = {site.id: _source(site) for site in sites.values()}
    return {site: source for site, source in found.items() if source is not None}


def _source(site: Site) -> AuthorizationSource | None:
    match site.authorization:
        case None:
            return None
        case FreeRadiusUsers() as users:
            return FreeRadiusUsersSource(users, site.quarantine_vlan)
        case FreeRadiusSql() as sql:
            return FreeRadiusSqlSource(sql, site.quarantine_vlan)
        case other:
            assert_never(other)
