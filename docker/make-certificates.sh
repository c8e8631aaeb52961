#!/bin/sh
# Makes the certificates compose.yaml expects, under docker/certificates/ (or the folder in $OUT):
#   make-certificates.sh server HOST...   three authorities, the broker's certificate for these names, the controller's
#   make-certificates.sh device ID        a device's certificate in agent/ (its private key should be made on the device;
#                                         this is for the agent of compose.yaml)
# Keys of authorities are in authorities/: keep that folder offline, and never mount it.
set -eu
umask 077
OUT=${OUT:-$(dirname "$0")/certificates}
AUTHORITIES=$OUT/authorities

authority() { # name, days
    [ -e "$AUTHORITIES/$1.key" ] && return
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -sha256 -days "$2" -subj "/CN=Loa $1" \
        -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign \
        -keyout "$AUTHORITIES/$1.key" -out "$AUTHORITIES/$1.crt" 2>/dev/null
}

certificate() { # authority, common name, file without ending, days, usage, alternative names or ""
    request=$(mktemp)
    extensions=$(mktemp)
    {
        echo "basicConstraints=critical,CA:FALSE"
        echo "keyUsage=critical,digitalSignature"
        echo "subjectKeyIdentifier=hash"
        echo "authorityKeyIdentifier=keyid"
        echo "extendedKeyUsage=$5"
        [ -z "$6" ] || echo "subjectAltName=$6"
    } >"$extensions"
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -sha256 -subj "/CN=$2" \
        -keyout "$3.key" -out "$request" 2>/dev/null
    openssl x509 -req -in "$request" -CA "$AUTHORITIES/$1.crt" -CAkey "$AUTHORITIES/$1.key" -CAcreateserial \
        -sha256 -days "$4" -extfile "$extensions" -out "$3.crt" 2>/dev/null
    rm -f "$request" "$extensions"
}

names() { # HOST... as subjectAltName
    list="DNS:localhost,IP:127.0.0.1,DNS:mosquitto"
    for host in "$@"; do
        case $host in
        *[!0-9.]*) list="$list,DNS:$host" ;;
        *) list="$list,IP:$host" ;;
        esac
    done
    echo "$list"
}

case "${1:-}" in
server)
    shift
    mkdir -p "$AUTHORITIES" "$OUT/broker" "$OUT/controller" "$OUT/agent"
    for name in server-ca controllers-ca devices-ca; do authority "$name" 7300; done
    certificate server-ca "Loa broker" "$OUT/broker/server" 825 serverAuth "$(names "$@")"
    certificate controllers-ca controller.loa "$OUT/controller/controller" 825 clientAuth ""
    cp "$AUTHORITIES/devices-ca.crt" "$AUTHORITIES/controllers-ca.crt" "$OUT/broker/"
    cp "$AUTHORITIES/server-ca.crt" "$OUT/controller/"
    cp "$AUTHORITIES/server-ca.crt" "$OUT/agent/"
    ;;
device)
    case "${2:-}" in
    "" | *[!a-z0-9-]*) echo "a device id is made of a-z, 0-9 and -" >&2 && exit 2 ;;
    esac
    [ "${#2}" -le 40 ] || { echo "a device id has at most 40 characters" >&2 && exit 2; }
    [ -e "$AUTHORITIES/devices-ca.key" ] || { echo "run first: $0 server HOST..." >&2 && exit 2; }
    certificate devices-ca "$2" "$OUT/agent/device" 825 clientAuth ""
    ;;
*)
    echo "usage: $0 server HOST... | device ID" >&2
    exit 2
    ;;
esac
