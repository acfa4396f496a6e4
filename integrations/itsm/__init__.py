"""Ticket systems as channels: one ticket an incident, which follows it to its end."""
