"""sisock's router and hub: who is online, and the way to them."""
