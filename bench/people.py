"""What people's part costs: policy beside bare cedarpy, approvals beside raw updates.

``make bench-people`` writes ``bench/out/people.json`` with ``policy_ratio`` and ``approval_ratio``.
"""

import json
import os
from pathlib import Path

import uvloop

from bench import people_approvals, people_policy


def main() -> None:
    """Measure, print and write bench/out/people.json."""
    figures: dict[str, object] = {
        "cores": os.cpu_count(),
        **people_policy.measure(),
        **uvloop.run(people_approvals.measure()),
    }
    out = Path(__file__).parent / "out" / "people.json"
    out.write_text(json.dumps(figures, indent=2) + "\n")
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
