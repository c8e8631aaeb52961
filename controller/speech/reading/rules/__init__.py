"""One module for each kind of thing that is read in a way of its own."""
