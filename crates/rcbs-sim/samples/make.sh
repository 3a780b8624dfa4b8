#!/bin/sh
# Makes the audible and viewable samples that the pretend cloud serves: synthetic speech and a moving test pattern.
# Needs espeak-ng, lame and ffmpeg (Debian packages of these names). The results are committed; run again only to change them.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# speech NAME VOICE PITCH TEXT: one side of a telephone call, 32 kbit/s mono as the recorder writes it.
speech() {
    espeak-ng -v "$2" -p "$3" -s 150 -w "$work/$1.wav" "$4"
    lame --quiet -m m -b 32 --resample 16 "$work/$1.wav" "$1.mp3"
}

speech greeting en-gb 40 "Thank you for calling the example bank. This call is recorded for training. How may I help you?"
speech order en-us 60 "Hello, I would like to ask where my order is. The number is four seven one one."
speech answer en-gb 35 "One moment please. Your order left our warehouse this morning and will arrive tomorrow."
speech callback de 50 "Guten Tag, Sie haben um einen Rückruf gebeten. Passt es Ihnen jetzt?"
speech farewell en-us 45 "Thank you very much. Goodbye."

# screen NAME SECONDS PATTERN TONE: a moving pattern with a running clock and a tone, like a muxed screen recording.
screen() {
    ffmpeg -v error -y \
        -f lavfi -i "$3=size=480x270:rate=8:duration=$2" \
        -f lavfi -i "sine=frequency=$4:sample_rate=16000:duration=$2" \
        -c:v libx264 -preset veryslow -crf 30 -pix_fmt yuv420p -g 16 \
        -c:a aac -b:a 32k -ac 1 -movflags +faststart \
        -map_metadata -1 -fflags +bitexact -flags:v +bitexact -flags:a +bitexact "$1.mp4"
}

screen desktop 5 testsrc 440
screen form 4 testsrc2 330

# customer NUMBER: the key and certificate of a pretend customer, kept once made: tests and rehearsals open with them
# what a pretend cloud sealed yesterday. DER, so that nobody takes them for keys that protect something.
customer() {
    [ -e "customer$1.key.der" ] && return
    openssl req -x509 -newkey rsa:2048 -nodes -days 36500 -set_serial $((17 + $1)) -outform DER \
        -subj "/O=rcbs-sim/CN=pretend customer $1" -keyout "$work/key.pem" -out "customer$1.cert.der" 2>/dev/null
    openssl pkcs8 -topk8 -nocrypt -in "$work/key.pem" -outform DER -out "customer$1.key.der"
}

customer 0
customer 1
