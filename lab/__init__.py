"""The embedded environment: a real cluster and real routers in namespaces; the product never imports it."""
