"""What is parsed and rendered: XFCC headers, SPIFFE ids, certificates and their names, Envoy's pages, answers."""
