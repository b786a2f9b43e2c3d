#!/bin/sh
# Make what a site needs and must not share: a certificate, and random secrets in .env (mode 0600).
#   ./setup-tls.sh [COMMON-NAME [OTHER-NAME-OR-ADDRESS ...]]
# What is there already stays as it is. The router makes its own users' secrets when it first starts.
set -eu
cd "$(dirname "$0")"
umask 077

name="${1:-}"
if [ -z "$name" ]; then
    printf 'Name under which other machines reach this one [%s]: ' "$(hostname -f 2>/dev/null || hostname)" >&2
    read -r name || true
    name="${name:-$(hostname -f 2>/dev/null || hostname)}"
fi
[ $# -eq 0 ] || shift

alternative() {
    case "$1" in
        *[!0-9.:a-fA-F]*) echo "DNS:$1" ;;
        *.*.*.* | *:*) echo "IP:$1" ;;
        *) echo "DNS:$1" ;;
    esac
}

names="$(alternative "$name"),DNS:sisock-crossbar,DNS:sisock_crossbar,DNS:localhost,IP:127.0.0.1,IP:::1"
for other in "$@"; do names="$names,$(alternative "$other")"; done

[ -d .crossbar ] || (umask 022 && mkdir .crossbar)
if [ -e .crossbar/server_key.pem ] && [ -e .crossbar/server_cert.pem ]; then
    echo "certificate: kept .crossbar/server_cert.pem"
elif [ -e .crossbar/server_key.pem ] || [ -e .crossbar/server_cert.pem ]; then
    echo "setup-tls.sh: .crossbar holds one of server_key.pem and server_cert.pem: add the other, or remove it" >&2
    exit 1
else
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -sha256 -days 3650 \
        -subj "/CN=$name" -addext "subjectAltName=$names" \
        -keyout .crossbar/server_key.pem -out .crossbar/server_cert.pem 2>/dev/null
    chmod 644 .crossbar/server_cert.pem
    echo "certificate: made .crossbar/server_cert.pem for $names"
fi

touch .env
chmod 600 .env
put() { grep -q "^$1=" .env || echo "$1=$2" >>.env; }
random() { openssl rand -hex 24; }
put SISOCK_REGISTRY "${SISOCK_REGISTRY:-ghcr.io/simonsobs}"
put SQL_PASSWD "$(random)"
put COMPOSE_FILE "docker-compose.yaml:grafana/compose.yaml"
put SISOCK_GRAFANA ./grafana
while IFS='=' read -r variable version; do
    case "$variable" in SISOCK_*_VERSION) put "$variable" "$version" ;; esac
done <versions.env
echo "secrets and versions: .env (readable by you alone)"
