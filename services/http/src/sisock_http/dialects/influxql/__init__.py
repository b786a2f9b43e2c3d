"""InfluxQL, as InfluxDB 1.x answers it: text to tree, tree to questions in our terms, answers to its JSON."""
