"""meshproof: proof on a real cluster that kgateway's Istio sidecar integration works as documented."""
