"""The datapath verifier on a node: facts, kernel events and probes; JSON in, JSON out, no verdict, nothing changed."""
