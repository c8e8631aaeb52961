"""libespeak-ng called as plainly as can be, many sentences a process: `python -m tests.fakes.raw_espeak VOICE WPM`.

Sentences come as lines of standard input; `0.wav`, `1.wav`, … are left in the current folder. None of our engine's code
is used, so that what our engine makes can be held against it.
"""

import ctypes
import sys
import wave
from pathlib import Path

import espeakng_loader

_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


def main() -> None:
    voice, words_a_minute = sys.argv[1], int(sys.argv[2])
    library = ctypes.CDLL(str(espeakng_loader.get_library_path()))
    Path("espeak-ng-data").symlink_to(espeakng_loader.get_data_path())
    rate_hz = library.espeak_Initialize(2, 0, b".", 0x8000)
    assert library.espeak_SetVoiceByName(voice.encode()) == 0
    library.espeak_SetParameter(1, words_a_minute, 0)
    heard = bytearray()

    @_CALLBACK
    def hear(samples: "ctypes._Pointer[ctypes.c_short]", count: int, _events: int) -> int:
        if samples and count:
            heard.extend(ctypes.string_at(samples, 2 * count))
        return 0

    library.espeak_SetSynthCallback(hear)
    for number, sentence in enumerate(sys.stdin.buffer.read().splitlines()):
        heard.clear()
        assert library.espeak_Synth(sentence, len(sentence) + 1, 0, 1, 0, 1, None, None) == 0
        with wave.open(f"{number}.wav", "wb") as out:
            out.setnchannels(1)
            out.setsampwidth(2)
            out.setframerate(rate_hz)
            out.writeframes(bytes(heard))


if __name__ == "__main__":
    main()
