"""What a service's token can be good for: a closed list, made from the operations of the API."""

# By operation id. What is not here no token with scopes can do.
OF_OPERATION = {
    "list_alerts": "alerts:read",
    "list_approvals": "approvals:read",
    "get_approval": "approvals:read",
    "list_audit": "audit:read",
    "list_channels": "channels:read",
    "test_channel": "channels:test",
    "list_glasses": "glass:read",
    "list_reviews": "glass:read",
    "get_policy": "policy:read",
    "list_devices": "devices:read",
    "get_device": "devices:read",
    "halt": "halts:engage",
    "list_halts": "halts:read",
    "list_limits": "halts:read",
    "list_holds": "holds:read",
    "list_incidents": "incidents:read",
    "get_incident": "incidents:read",
    "follow_incident": "incidents:read",
    "get_receipt": "incidents:read",
    "list_playbooks": "playbooks:read",
    "start_response": "responses:start",
}

SCOPES = tuple(sorted(set(OF_OPERATION.values())))

# Only people do these, whatever a token says.
PEOPLE_ONLY = frozenset(
    {
        *("decide_approval", "resume", "cancel_incident", "release_hold", "extend_hold"),
        *("decide_approvals", "delegate_approval", "snooze_approval", "change_approval"),
        *("break_glass", "end_glass", "close_review"),
    }
)
