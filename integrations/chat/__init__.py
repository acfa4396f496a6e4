"""Chat: where people are told, asked, and give orders."""
