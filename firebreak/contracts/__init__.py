"""One narrow Protocol per kind of outside system. Activities see these, never a vendor."""
