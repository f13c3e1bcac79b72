"""The servers that are measured, each started by the benchmark itself on a free port of loopback."""
