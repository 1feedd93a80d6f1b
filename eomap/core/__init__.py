"""Words as frozen values: the nouns of eomap, without any I/O."""
