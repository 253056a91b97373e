"""How the mock fails on demand: which fault strikes which request, and what that looks like on the wire."""
