"""The names that openai-python has for what this SDK does: beside our own, on the same objects."""
