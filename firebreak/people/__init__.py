"""Who people are and who is on duty: the people file, and what is worked out from it."""
