"""What is parsed and rendered: client certificate headers, SPIFFE ids, names and certificates, Envoy's pages, answers."""
