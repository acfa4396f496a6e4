"""Garbage collection for long-running processes.

The sandbox makes and drops modules for every workflow, so the collector has work; with Python's own
thresholds it walks the whole heap of a worker many times a second, a tenth of its CPU time.
"""

import gc

# Objects before a young collection, young ones before a middle one, middle ones before a full one.
THRESHOLDS = (20_000, 20, 100)


def settle() -> None:
    """Call once everything is imported: what start-up made is never looked at again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
