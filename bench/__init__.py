"""Measuring heavylift, and showing it at work."""
