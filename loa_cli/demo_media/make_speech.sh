#!/bin/sh
# Speaks the demo's bulletins and writes NAME.ogg beside this script (16 kHz mono Opus, 10 to 20 s each).
# Needs espeak-ng (with its Vietnamese voice) and ffmpeg. The results are kept in the repository, so the demo needs neither.
# What they say stands in loa_cli/demo_week.py, too: a bulletin's text is what is heard.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
raw=$(mktemp --suffix=.wav)
trap 'rm -f "$raw"' EXIT

loud="volume=8dB,alimiter=limit=0.5:attack=3:release=50:level=0" # so that the intake has no peaks to take down

speak() {
    espeak-ng -v vi -s 165 -a 60 -w "$raw" --stdin
    ffmpeg -nostdin -v error -y -i "$raw" -af "${2:-$loud}" -ac 1 -ar 16000 -map_metadata -1 -flags +bitexact \
        -fflags +bitexact -c:a libopus -b:a 32k -application voip "$here/$1.ogg"
}

speak ban_tin_mau anull <<'VAN_BAN'
Kính thưa bà con nhân dân.
Trạm y tế xã thông báo lịch tiêm chủng.
Sáng thứ tư, từ bảy giờ ba mươi đến mười một giờ, tại trạm y tế xã.
Mời gia đình có con dưới hai mươi bốn tháng tuổi đưa trẻ đến tiêm.
Trân trọng cảm ơn.
VAN_BAN

speak thoi_tiet <<'VAN_BAN'
Kính thưa bà con nhân dân.
Trong hai ngày tới trời có mưa rào, gió mạnh dần, đêm và sáng sớm trời lạnh.
Bà con che chắn chuồng trại, phủ ni lông cho mạ, và thu hoạch sớm rau màu đã đến lứa.
VAN_BAN

speak don_ve_sinh <<'VAN_BAN'
Kính thưa bà con nhân dân.
Sáng thứ bảy, từ sáu giờ, các thôn ra quân tổng vệ sinh đường làng ngõ xóm.
Mời mỗi gia đình cử một người, mang theo chổi và bao đựng rác, tập trung tại nhà văn hóa thôn.
VAN_BAN

speak lich_tuoi <<'VAN_BAN'
Hợp tác xã dịch vụ nông nghiệp thông báo lịch lấy nước.
Trạm bơm vận hành từ bốn giờ đến mười giờ sáng, liên tục trong ba ngày.
Bà con đắp bờ, giữ nước, và không tự ý mở cống.
VAN_BAN

speak phong_chay <<'VAN_BAN'
Công an xã nhắc bà con phòng cháy, chữa cháy.
Trước khi ra khỏi nhà, hãy tắt bếp và rút phích cắm các thiết bị điện.
Khi có cháy, hô hoán mọi người và gọi ngay số một một bốn.
VAN_BAN

speak cat_dien <<'VAN_BAN'
Kính thưa bà con nhân dân.
Điện lực thông báo tạm ngừng cấp điện để sửa chữa đường dây, từ bảy giờ đến mười một giờ sáng mai.
Mong bà con thông cảm và chủ động trữ nước sinh hoạt.
VAN_BAN

speak hop_thon <<'VAN_BAN'
Kính mời bà con thôn Bến Đa dự họp thôn.
Mười chín giờ ba mươi tối mai, tại nhà văn hóa thôn.
Nội dung: bàn việc làm đường ra đồng và bình xét gia đình văn hóa.
VAN_BAN

speak nhat_duoc <<'VAN_BAN'
Thông báo tìm chủ tài sản.
Bà con nào đánh rơi ví và giấy tờ tại chợ Chiều sáng nay.
Mời đến trụ sở Ủy ban nhân dân xã để nhận lại.
VAN_BAN
