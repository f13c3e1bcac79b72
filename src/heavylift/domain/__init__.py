"""The rules of uploads and files: values and functions, no I/O, no clock of its own."""
