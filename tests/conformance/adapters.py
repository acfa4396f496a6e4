"""Every adapter that the suite is run over, and that docs/reference/actions.md lists."""

from tests.conformance.bench import Adapter
from tests.conformance.clearpass_benches import CLEARPASS
from tests.conformance.cloud_benches import CLOUDS
from tests.conformance.nac_benches import NACS
from tests.conformance.radius_benches import RADIUS
from tests.conformance.snmp_benches import SNMP
from tests.conformance.switch_benches import SWITCHES

ADAPTERS: list[Adapter] = [
    *SWITCHES,
    *SNMP,
    *NACS,
    *CLEARPASS,
    *CLOUDS,
    *RADIUS,
]
