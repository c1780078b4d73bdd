"""KPIs that are more than one statement: a module each, with the function of the same name."""
