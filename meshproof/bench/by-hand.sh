#!/usr/bin/env bash
# The baseline of `make bench`: the page typed by hand, each command waiting as kubectl and helm wait by themselves,
# with the fewest looks that would satisfy a reader. Its cluster is made and deleted like that of the proof.
#
# Set by the bench: NAME, NODE_IMAGE, KIND_CONFIG, KUBECONFIG, LOCAL_PORT, GATEWAY_API_CRDS, the charts ISTIO_BASE, ISTIOD, KGATEWAY_CRDS
# and KGATEWAY, the values ISTIOD_VALUES and KGATEWAY_VALUES, and MANIFESTS, a folder. kind, kubectl, helm on PATH.
set -euo pipefail

began=$EPOCHREALTIME
forward=
finish() {
  status=$?
  [ -z "$forward" ] || kill "$forward" 2>/dev/null || true
  kind delete cluster --quiet --name "$NAME"
  [ "$status" = 0 ] || cat "$MANIFESTS/output" >&4
}
exec 3>&1 4>&2 >"$MANIFESTS/output" 2>&1
trap finish EXIT
say() { awk -v a="$began" -v b="$EPOCHREALTIME" -v what="$1" 'BEGIN { printf "%6.1f  %s\n", b - a, what }'; }
headers() { curl --silent --max-time 5 --header "Host: $1" "http://127.0.0.1:$LOCAL_PORT/headers"; }
restarted() { kubectl rollout restart deployment httpbin -n httpbin && kubectl rollout status deployment httpbin -n httpbin; }
until_true() {
  for _ in $(seq 60); do "$@" && return; sleep 1; done
  echo "gave up: $*" >&2
  return 1
}
with_certificate() { headers www.example.com | grep -q X-Forwarded-Client-Cert; }
answers_plainly() { headers disable-automtls.example >"$MANIFESTS/answer" && grep -q '"Host"' "$MANIFESTS/answer"; }

kind create cluster --quiet --name "$NAME" --image "$NODE_IMAGE" --config "$KIND_CONFIG" --wait 120s
say "cluster ready" >&3

kubectl apply --server-side -f "$GATEWAY_API_CRDS"
helm install kgateway-crds "$KGATEWAY_CRDS" -n kgateway-system --create-namespace --wait
helm install kgateway "$KGATEWAY" -n kgateway-system -f "$KGATEWAY_VALUES" --wait
say "kgateway installed" >&3
kubectl apply -f "$MANIFESTS/app.yaml"
kubectl rollout status deployment httpbin -n httpbin
say "httpbin ready" >&3

helm install istio-base "$ISTIO_BASE" -n istio-system --create-namespace --wait
helm install istiod "$ISTIOD" -n istio-system -f "$ISTIOD_VALUES" --wait
say "Istio installed" >&3

helm upgrade kgateway "$KGATEWAY" -n kgateway-system -f "$KGATEWAY_VALUES" \
  --set-string controller.extraEnv.KGW_ENABLE_ISTIO_AUTO_MTLS=true --wait
say "integration enabled" >&3
kubectl apply -f "$MANIFESTS/gateway-parameters.yaml" -f "$MANIFESTS/gateway-with-parameters.yaml" \
  -f "$MANIFESTS/app-route.yaml"
kubectl wait gateway http -n kgateway-system --for=condition=Programmed --timeout=120s
kubectl rollout status deployment http -n kgateway-system
say "gateway ready" >&3

kubectl label namespace httpbin istio-injection=enabled
restarted
say "httpbin in the mesh" >&3
kubectl port-forward deployment/http -n kgateway-system "$LOCAL_PORT:8080" &
forward=$!
sleep 2
until_true with_certificate
say "certificate seen" >&3

kubectl apply -f "$MANIFESTS/excluded-backend.yaml"
kubectl apply -f "$MANIFESTS/excluded-routes.yaml"
until_true answers_plainly
if grep -q X-Forwarded-Client-Cert "$MANIFESTS/answer"; then exit 1; fi
say "excluded: no certificate" >&3

kubectl delete -f "$MANIFESTS/excluded-routes.yaml" -f "$MANIFESTS/excluded-backend.yaml"
kubectl label namespace httpbin istio-injection-
restarted
kubectl apply -f "$MANIFESTS/gateway.yaml"
helm upgrade kgateway "$KGATEWAY" -n kgateway-system -f "$KGATEWAY_VALUES" --wait
helm uninstall istiod istio-base -n istio-system --wait
say "cleaned up" >&3
kind delete cluster --quiet --name "$NAME"
say "cluster deleted" >&3
