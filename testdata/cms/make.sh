#!/bin/sh
# Makes the CMS files of this folder with OpenSSL 3, so that our reader is tested against a writer that is not ours.
# The keys are worthless: they exist for these tests only. Keys that are here already are kept.
#
# usage: sh make.sh
set -eu
cd "$(dirname "$0")"

identity() { # name, subject, serial number
    [ -e "$1.key.pem" ] || openssl genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "$1.key.pem"
    [ -e "$1.cert.pem" ] || openssl req -x509 -new -key "$1.key.pem" -subj "$2" -set_serial "$3" -days 36500 -out "$1.cert.pem"
}
identity one "/C=US/ST=CA/O=Example, Inc./CN=gir_qa" 10
identity two "/C=CH/O=Zweite/CN=recording" 0x7fffffffffffffffffffff
# A second certificate of the second key, which ends long before the others.
[ -e short.cert.pem ] || openssl req -x509 -new -key two.key.pem -subj "/C=CH/O=Zweite/CN=short" -set_serial 11 -days 3650 -out short.cert.pem

# Another key under the name and number of the first, as renewals make it; and a key that is refused for its exponent.
[ -e renewed.cert.pem ] || openssl req -x509 -newkey rsa:2048 -nodes -keyout /dev/null -subj "/C=US/ST=CA/O=Example, Inc./CN=gir_qa" -set_serial 10 -days 36500 -out renewed.cert.pem
[ -e exponent3.cert.pem ] || openssl req -x509 -newkey rsa:2048 -pkeyopt rsa_keygen_pubexp:3 -nodes -keyout /dev/null -subj "/CN=three" -set_serial 12 -days 36500 -out exponent3.cert.pem

# 1000 bytes that compress badly and hold line ends.
awk 'BEGIN { for (i = 0; length(s) < 1000; i++) s = s sprintf("%d\r\n%c", i * i * 7919, 33 + i % 90); printf "%s", substr(s, 1, 1000) }' > plain

seal() { # file, then options and certificates
    out="$1"
    shift
    openssl cms -encrypt -binary -in plain -outform DER -out "$out" "$@"
}
seal aes256.der -aes256 one.cert.pem
seal aes256.ber -stream -aes256 one.cert.pem
seal aes128.der -aes128 one.cert.pem
seal des3.der -des3 one.cert.pem
seal gcm.der -aes-256-gcm one.cert.pem
seal gcm.ber -stream -aes-256-gcm one.cert.pem
seal two.der -aes256 one.cert.pem two.cert.pem
seal two.ber -stream -aes128 one.cert.pem two.cert.pem
seal keyid.der -keyid -aes256 one.cert.pem
seal oaep.der -aes256 -recip one.cert.pem -keyopt rsa_padding_mode:oaep -keyopt rsa_oaep_md:sha256
openssl smime -encrypt -binary -in plain -outform DER -out smime.der -aes256 one.cert.pem
openssl cms -encrypt -binary -in plain -outform DER -out password.der -aes256 -pwri_password worthless one.cert.pem
