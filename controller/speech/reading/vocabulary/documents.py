"""Parts of the numbers of documents: what kind it is, and who issued it."""

from typing import Final

KINDS: Final[dict[str, str]] = {
    "NĐ": "nghị định", "NQ": "nghị quyết", "QĐ": "quyết định", "CT": "chỉ thị", "TT": "thông tư",
    "TTLT": "thông tư liên tịch", "KH": "kế hoạch", "BC": "báo cáo", "TB": "thông báo", "TTr": "tờ trình",
    "CV": "công văn", "GM": "giấy mời", "HD": "hướng dẫn", "CĐ": "công điện", "KL": "kết luận",
    "CTr": "chương trình", "CTr.": "chương trình", "ĐA": "đề án", "PA": "phương án", "BB": "biên bản",
    "HĐ": "hợp đồng", "QC": "quy chế", "QyĐ": "quy định", "QĐi": "quy định", "L": "luật", "PL": "pháp lệnh",
    "GP": "giấy phép", "GXN": "giấy xác nhận", "GCN": "giấy chứng nhận", "TTTr": "tờ trình", "PYC": "phiếu yêu cầu",
    "LCT": "lịch công tác", "TM": "thư mời",
}  # fmt: skip

ISSUERS: Final[dict[str, str]] = {
    "UBND": "ủy ban nhân dân", "HĐND": "hội đồng nhân dân", "TTHĐND": "thường trực hội đồng nhân dân",
    "CP": "Chính phủ", "TTg": "Thủ tướng Chính phủ", "VPCP": "Văn phòng Chính phủ", "TW": "Trung ương",
    "TƯ": "Trung ương", "BCT": "Bộ Chính trị", "BBT": "Ban Bí thư", "QH": "Quốc hội",
    "UBTVQH": "Ủy ban Thường vụ Quốc hội", "CTN": "Chủ tịch nước", "BYT": "Bộ Y tế",
    "BTTTT": "Bộ Thông tin và Truyền thông", "BVHTTDL": "Bộ Văn hóa, Thể thao và Du lịch", "BCA": "Bộ Công an",
    "BQP": "Bộ Quốc phòng", "BGDĐT": "Bộ Giáo dục và Đào tạo", "BTC": "Bộ Tài chính", "BNV": "Bộ Nội vụ",
    "BTP": "Bộ Tư pháp", "BXD": "Bộ Xây dựng", "BNNPTNT": "Bộ Nông nghiệp và Phát triển nông thôn",
    "BNNMT": "Bộ Nông nghiệp và Môi trường", "BKHCN": "Bộ Khoa học và Công nghệ",
    "BLĐTBXH": "Bộ Lao động, Thương binh và Xã hội", "BGTVT": "Bộ Giao thông vận tải", "NHNN": "Ngân hàng Nhà nước",
    "BKHĐT": "Bộ Kế hoạch và Đầu tư", "BTNMT": "Bộ Tài nguyên và Môi trường", "BDTTG": "Bộ Dân tộc và Tôn giáo",
    "TU": "tỉnh ủy", "HU": "huyện ủy", "ThU": "thành ủy", "ĐU": "đảng ủy", "ĐUX": "đảng ủy xã",
    "ĐUP": "đảng ủy phường", "CB": "chi bộ", "SYT": "Sở Y tế", "STTTT": "Sở Thông tin và Truyền thông",
    "SVHTTDL": "Sở Văn hóa, Thể thao và Du lịch", "SVHTT": "Sở Văn hóa và Thể thao",
    "SGDĐT": "Sở Giáo dục và Đào tạo", "SNV": "Sở Nội vụ", "SNNMT": "Sở Nông nghiệp và Môi trường",
    "SKHCN": "Sở Khoa học và Công nghệ", "STC": "Sở Tài chính", "SXD": "Sở Xây dựng", "STP": "Sở Tư pháp",
    "CA": "công an", "CAX": "công an xã", "CAT": "công an tỉnh", "BCH": "ban chỉ huy",
    "BCHQS": "ban chỉ huy quân sự", "BCĐ": "ban chỉ đạo", "BTC.": "ban tổ chức", "BTV": "ban thường vụ",
    "MTTQ": "Mặt trận Tổ quốc", "UBMTTQ": "ủy ban Mặt trận Tổ quốc", "MTTQVN": "Mặt trận Tổ quốc Việt Nam",
    "BTT": "ban thường trực", "TYT": "trạm y tế", "TTYT": "trung tâm y tế", "BHXH": "bảo hiểm xã hội",
    "HPN": "hội phụ nữ", "HND": "hội nông dân", "HCCB": "hội cựu chiến binh", "ĐTN": "đoàn thanh niên",
    "VP": "văn phòng", "VX": "văn xã", "NC": "nội chính", "TH": "tổng hợp", "KT": "kinh tế",
    "VHXH": "văn hóa xã hội", "TTCS": "thông tin cơ sở", "PCTT": "phòng, chống thiên tai",
    "TWPCTT": "Trung ương về phòng, chống thiên tai", "PCTTTKCN": "phòng, chống thiên tai và tìm kiếm cứu nạn",
    "UBBC": "ủy ban bầu cử", "HĐBCQG": "Hội đồng bầu cử quốc gia", "THPT": "trung học phổ thông",
    "TTPVHCC": "trung tâm phục vụ hành chính công", "PVHXH": "phòng văn hóa, xã hội", "PKT": "phòng kinh tế",
    "VPUB": "văn phòng ủy ban", "CTUBND": "chủ tịch ủy ban nhân dân", "UB": "ủy ban", "ĐLV": "điện lực",
    "KTTV": "khí tượng thủy văn", "DBQG": "dự báo quốc gia",
}  # fmt: skip

ALSO: Final[dict[str, str]] = {"BCH": "ban chấp hành"}
"""What an issuer can mean besides."""
