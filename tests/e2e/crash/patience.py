"""Settings of a sweep that reclaims everything there is to reclaim, at once."""

SWEEP = {
    "HEAVYLIFT_IDLE_TIMEOUT": "0.001",
    "HEAVYLIFT_BODY_TIMEOUT": "0.001",
    "HEAVYLIFT_ORPHAN_GRACE": "0.002",
    "HEAVYLIFT_EXPIRY_GRACE": "0",
    "HEAVYLIFT_DELETE_GRACE": "0",
}
"""No patience: nothing is in flight when these sweeps run."""
