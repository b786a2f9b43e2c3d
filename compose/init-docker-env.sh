#!/bin/sh
# Make, once, what outlives the containers: the network that OCS may share, and Grafana's storage.
set -eu
network="${SISOCK_NETWORK:-sisock-net}"
docker network inspect "$network" >/dev/null 2>&1 || docker network create "$network" >/dev/null
docker volume inspect grafana-storage >/dev/null 2>&1 || docker volume create grafana-storage >/dev/null
echo "network $network and volume grafana-storage are there"
