"""Drivers: they send what flows yield, blocking or on asyncio."""
