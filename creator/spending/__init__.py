"""What a run may spend: prices, limits, and the one place where both are looked at before a call is made."""
