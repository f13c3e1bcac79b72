"""The SDK: one story, two drivers. `heavylift` itself is its face."""
