"""Cilium in underlay mode on on-premises Kubernetes: declared once, refused by name, proven in the kernel."""
