"""What responses are listed by in Temporal. Every attribute is a Keyword."""

from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import (
    AddSearchAttributesRequest,
    ListSearchAttributesRequest,
)
from temporalio.client import Client
from temporalio.common import SearchAttributeKey
from temporalio.service import RPCError, RPCStatusCode

from firebreak.errors import DefinitionError

PLAYBOOK = SearchAttributeKey.for_keyword("FirebreakPlaybook")
DEVICE = SearchAttributeKey.for_keyword("FirebreakDevice")
SITE = SearchAttributeKey.for_keyword("FirebreakSite")
STATUS = SearchAttributeKey.for_keyword("FirebreakStatus")
NAMES = tuple(key.name for key in (PLAYBOOK, DEVICE, SITE, STATUS))


async def register(client: Client) -> None:
    """Make sure that the namespace knows the attributes; without them no response can start.

    Raises:
        DefinitionError: they are missing and this Temporal does not let us add them.
    """
    operator = client.operator_service
    listed = await operator.list_search_attributes(
        ListSearchAttributesRequest(namespace=client.namespace)
    )
    missing = [name for name in NAMES if name not in listed.custom_attributes]
    if not missing:
        return
    kind = IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD
    try:
        await operator.add_search_attributes(
            AddSearchAttributesRequest(
                namespace=client.namespace, search_attributes=dict.fromkeys(missing, kind)
            )
        )
    except RPCError as error:
        if error.status is RPCStatusCode.ALREADY_EXISTS:  # another process was first
            return
        wanted = " ".join(f"--name {name} --type Keyword" for name in missing)
        raise DefinitionError(
            f"Temporal has no search attributes {', '.join(missing)} and did not take them "
            f"({error}); run: temporal operator search-attribute create {wanted}"
        ) from error
