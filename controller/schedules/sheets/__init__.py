"""Programmes from and as tables that a commune fills in."""
