"""Whole stories told as flows: upload a file, resume it, download one."""
