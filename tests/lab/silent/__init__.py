"""What Cilium accepts and then does wrongly: each case without its rule, on the running site."""
