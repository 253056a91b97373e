"""Judges of clients, and what drives them. Knows nothing of the mock: it reads what was on the wire."""
