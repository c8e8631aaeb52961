"""Tells by ear, so to speak, which of several known tones is heard when."""

import numpy as np

RATE_HZ = 48_000
_WINDOW_S = 0.05
_AUDIBLE = 0.003
_CLEARLY = 5
_SHORTEST_S = 0.06


def spans(samples, tones):
    """[(hz, begin_s, end_s)] in windows of 50 ms; 0 is silence, -1 a mixture."""
    size = round(_WINDOW_S * RATE_HZ)
    heard = []
    for place in range(0, samples.size - size + 1, size):
        hz, at = _loudest(samples[place : place + size], tones), place / RATE_HZ
        if heard and heard[-1][0] == hz:
            heard[-1] = (hz, heard[-1][1], at + _WINDOW_S)
        else:
            heard.append((hz, at, at + _WINDOW_S))
    return heard


def order(samples, tones):
    """The tones that are clearly heard, one after the other."""
    found = [hz for hz, begin, end in spans(samples, tones) if hz > 0 and end - begin > _SHORTEST_S]
    return [hz for place, hz in enumerate(found) if place == 0 or found[place - 1] != hz]


def _loudest(window, tones):
    if np.sqrt(np.mean(window**2)) <= _AUDIBLE:
        return 0
    spectrum = np.abs(np.fft.rfft(window * np.hanning(window.size), RATE_HZ))
    known = {hz: spectrum[hz - 30 : hz + 31].max() for hz in tones}
    best = max(known, key=known.get)
    return best if all(known[best] > _CLEARLY * level for hz, level in known.items() if hz != best) else -1
