"""The one composition root: settings in, running processes out. Only it sees everything."""
