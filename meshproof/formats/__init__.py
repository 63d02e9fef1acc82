"""What is parsed and rendered: client certificate headers, SPIFFE ids, certificates, Envoy's pages, answers."""
