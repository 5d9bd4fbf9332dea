"""What our HTTP services have in common."""
