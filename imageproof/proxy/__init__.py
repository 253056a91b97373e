"""Judge traffic that somebody else makes: a proxy that changes no byte, and recordings of any tool."""
