"""Evidence is collected here, from nodes and routers over SSH and from the Kubernetes API; nothing is judged."""
