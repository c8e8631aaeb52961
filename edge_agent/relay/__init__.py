"""Relays (tiếp sóng): another station's HTTP stream, fetched, decoded and levelled in a child process of the player.

The player imports `rules`, `framing` and `station`; the rest runs inside `python -m edge_agent.relay`, because what a
stranger's server sends must not be able to end the process that sounds.
"""
