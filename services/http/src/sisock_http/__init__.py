"""HTTP bridge: Grafana's data source protocols in front of sisock's data nodes."""
