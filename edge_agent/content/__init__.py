"""Content on the device: a cache of whole, verified assets and what fetches them before they are needed."""
