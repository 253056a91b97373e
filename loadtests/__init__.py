"""Load tests: users, shapes and goals that measure a gateway and say how much of the time was its own."""
