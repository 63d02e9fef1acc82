#!/bin/sh
# Puts the archive of images into the node's containerd, as it will find them when the node starts.
set -eu
containerd > /tmp/containerd.log 2>&1 &
server=$!
tries=0
until ctr version > /dev/null 2>&1; do
    tries=$((tries + 1))
    [ "$tries" -lt 100 ] || { cat /tmp/containerd.log; exit 1; }
    sleep 0.1
done
ctr --namespace k8s.io images import --no-unpack /images.tar
ctr --namespace k8s.io images list --quiet
kill "$server"
wait "$server" || true
rm -f /tmp/containerd.log
