"""Processes that serve: one that accepts and stops in order, and the supervisor of several."""
