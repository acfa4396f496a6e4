"""Slack: a channel over the Web API, and a desk over Socket Mode or HTTP."""
