"""Which addresses are nobody's own network: both programs judge by this before they fetch what somebody named. Pure.

An address that wraps another (IPv4 in IPv6, NAT64, 6to4, Teredo) is judged as the one it leads to.
"""

import ipaddress
from collections.abc import Iterable

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_EMBEDDED_BITS = 0xFFFF_FFFF


def permitted(address: Address, named: Iterable[Network] = ()) -> bool:
    """Whether it is public, or in one of the networks that somebody in charge has named."""
    inner = unwrapped(address)
    if any(inner in network for network in named if network.version == inner.version):
        return True
    return inner.is_global and not inner.is_multicast and not inner.is_reserved


def unwrapped(address: Address) -> Address:
    """The IPv4 address that an IPv6 one stands for, where it does."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & _EMBEDDED_BITS)
    teredo = address.teredo[1] if address.teredo else None
    return address.ipv4_mapped or address.sixtofour or teredo or address
