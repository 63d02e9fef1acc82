"""The cluster that steps run against: made with kind, and reached through kubectl, helm, the API and a port-forward."""

from meshproof.cluster.cluster import Cluster
from meshproof.cluster.lifecycle import check_made_of, kind_cluster
from meshproof.cluster.record import Record, check_name, folder_of
from meshproof.path.access import GatewayAccess

__all__ = ["Cluster", "GatewayAccess", "Record", "check_made_of", "check_name", "folder_of", "kind_cluster"]
