"""The operations of the protocol, one call each."""
