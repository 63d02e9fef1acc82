#!/bin/sh
# Turns a Debian root file system with kind's files in it into a node of kind: the steps of kind's own Dockerfile for its
# base image, with Debian's containerd, runc and CNI plugins in the places where kind looks for its own.
set -eu

find /usr/local/bin /kind/bin -type f -exec chmod 0755 {} +
chmod 0755 /kind /kind/bin /usr/bin/kubeadm /usr/bin/kubelet /usr/bin/kubectl

# Services: only those that kind starts.
rm -f /lib/systemd/system/sysinit.target.wants/systemd-tmpfiles-setup.service /lib/systemd/system/containerd.service
rm -f /lib/systemd/system/multi-user.target.wants/* /etc/systemd/system/*.wants/*
rm -f /lib/systemd/system/local-fs.target.wants/* /lib/systemd/system/basic.target.wants/*
rm -f /lib/systemd/system/sockets.target.wants/*udev* /lib/systemd/system/sockets.target.wants/*initctl*
echo "ReadKMsg=no" >> /etc/systemd/journald.conf
ln -sf /usr/lib/systemd/systemd /sbin/init
systemctl enable kubelet.service containerd.service undo-mount-hacks.service
systemctl mask systemd-binfmt.service

# Container runtime.
for program in containerd containerd-shim-runc-v2 ctr; do ln -sf "/usr/bin/$program" "/usr/local/bin/$program"; done
mkdir -p /usr/local/sbin && ln -sf /usr/sbin/runc /usr/local/sbin/runc
ctr oci spec \
    | jq '.hooks.createContainer[.hooks.createContainer | length] |= . + {"path": "/kind/bin/mount-product-files.sh"}' \
    | jq 'del(.process.rlimits)' > /etc/containerd/cri-base.json
# Some hosts withhold CAP_SYS_RESOURCE, without which no process may lower its own OOM score.
sed -i 's/restrict_oom_score_adj = false/restrict_oom_score_adj = true/' /etc/containerd/config.toml

# One node needs no network daemon: a pair of interfaces per pod, addresses from a file, ports by iptables.
mkdir -p /opt/cni/bin /etc/cni/net.d /etc/kubernetes/manifests
for plugin in host-local loopback portmap ptp; do ln -sf "/usr/lib/cni/$plugin" "/opt/cni/bin/$plugin"; done

# kind makes /var a volume and copies what the image has there, for each node anew: the images' contents stay outside.
mkdir -p /kind/content /var/lib/containerd
ln -s /kind/content /var/lib/containerd/io.containerd.content.v1.content

/usr/bin/kubelet --version | sed 's/^Kubernetes //' > /kind/version
