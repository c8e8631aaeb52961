"""Who did what, when, by what right: a chain of entries that nobody can rewrite unseen."""
