"""From fields in a range to their samples: plan, ask the nodes at once, reduce; each within a deadline."""
