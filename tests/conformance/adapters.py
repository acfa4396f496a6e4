"""Every adapter that the suite is run over, and that docs/reference/actions.md lists."""

from tests.conformance.bench import Adapter
from tests.conformance.switch_benches import SWITCHES

ADAPTERS: list[Adapter] = [
    *SWITCHES,
]
