"""What waits for the slots of programmes, and what of it fits."""
