"""Who may do what where: one function decides, and the filters of lists are built from the same grants."""
