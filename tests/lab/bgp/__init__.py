"""Both ends of BGP as daemons in bare namespaces: FRR and BIRD as routers, GoBGP or BIRD as the nodes' end."""
