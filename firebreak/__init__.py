"""Firebreak: verified, reversible, time-boxed incident response for IoT and OT fleets."""

__version__ = "0.1.0"
