"""The player: a process of its own that turns cues into sound at the planned instant and measures what it sent.

The agent imports `supervisor` and `wire` only; everything else runs inside `python -m edge_agent.player`.
"""
