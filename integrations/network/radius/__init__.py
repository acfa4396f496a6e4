"""RADIUS dynamic authorization (RFC 5176), and the data a RADIUS server takes its answers from."""
