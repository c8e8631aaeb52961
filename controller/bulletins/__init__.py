"""Bulletins: what shall be said or shown, from the draft through approval onto the air and off it again."""
