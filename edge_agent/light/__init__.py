"""Light devices: thousands of simulated devices in one process, on the real protocol code and real sockets.

Nothing sounds here and every receipt says so (`evidence: simulated`).
"""
