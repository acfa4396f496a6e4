"""Network access: switches over netmiko."""
