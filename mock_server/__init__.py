"""The fake upstream: serves any provider from its spec, down to its errors, prices, task states and timing."""
