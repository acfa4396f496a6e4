"""Switches that a cloud controller manages: the controller is asked, never the switch."""
