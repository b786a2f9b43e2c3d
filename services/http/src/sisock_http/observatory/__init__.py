"""Who is there and what is what: nodes, their fields, which of them a name means."""
