"""Words as data: abbreviations, units, kinds of documents, letters."""
