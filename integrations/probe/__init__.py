"""Looking at a device from outside the enforcement point."""
