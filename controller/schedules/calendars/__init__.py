"""Programmes from and as iCalendar."""
