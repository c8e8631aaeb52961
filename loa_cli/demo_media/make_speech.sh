#!/bin/sh
# Speaks the demo's bulletin and writes ban_tin_mau.ogg beside this script (16 kHz mono Opus, about 15 s).
# Needs espeak-ng (with its Vietnamese voice) and ffmpeg. The result is kept in the repository, so the demo needs neither.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
raw=$(mktemp --suffix=.wav)
trap 'rm -f "$raw"' EXIT

espeak-ng -v vi -s 165 -a 60 -w "$raw" --stdin <<'VAN_BAN'
Kính thưa bà con nhân dân.
Trạm y tế xã thông báo lịch tiêm chủng.
Sáng thứ tư, từ bảy giờ ba mươi đến mười một giờ, tại trạm y tế xã.
Mời gia đình có con dưới hai mươi bốn tháng tuổi đưa trẻ đến tiêm.
Trân trọng cảm ơn.
VAN_BAN

ffmpeg -nostdin -v error -y -i "$raw" -ac 1 -ar 16000 -map_metadata -1 -flags +bitexact -fflags +bitexact \
    -c:a libopus -b:a 32k -application voip "$here/ban_tin_mau.ogg"
