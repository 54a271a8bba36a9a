"""A mirror for an intrusion detection engine: copies of packets ahead of Cilium's programs, which see every packet."""
