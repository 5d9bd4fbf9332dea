"""The meter of a machine with GPUs, against a driver's library that plays scenarios."""
