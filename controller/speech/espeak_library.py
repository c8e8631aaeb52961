"""libespeak-ng by ctypes. It is GPL-3: this module is imported by child processes only, never by the controller.

Text goes in as UTF-8 with no other flag: neither SSML nor phoneme notation in a reading means anything to the library.
"""

import ctypes
from collections.abc import Callable
from pathlib import Path

import espeakng_loader

from controller.speech.errors import EngineFailed

_SYNCHRONOUS = 2
_DONT_EXIT = 0x8000
_UTF8 = 1
_BY_CHARACTER = 1
_RATE = 1
_VOLUME = 2
_UNCLIPPED = 60
"""Of its usual 100, at which it clips its own vowels; the intake brings every sound to its loudness anyway."""
_IPA = 0x02
_DATA = "espeak-ng-data"
_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


class Espeak:
    """One engine a process; `folder` is the current one, and gets a short way to the data.

    Raises:
        EngineFailed: on construction and by every method, when the library refuses.
    """

    def __init__(self, folder: Path) -> None:
        self._library = ctypes.CDLL(str(espeakng_loader.get_library_path()))
        (folder / _DATA).symlink_to(espeakng_loader.get_data_path())  # the library takes short paths only
        self.rate_hz = int(self._library.espeak_Initialize(_SYNCHRONOUS, 0, str(folder).encode(), _DONT_EXIT))
        if self.rate_hz <= 0:
            raise EngineFailed("espeak-ng does not start; install the package espeakng-loader again")
        self._library.espeak_Info.restype = ctypes.c_char_p
        self._library.espeak_TextToPhonemes.restype = ctypes.c_char_p
        self._take: Callable[[bytes], None] = lambda _: None
        self._error: Exception | None = None
        self._callback = _CALLBACK(self._heard)
        self._library.espeak_SetSynthCallback(self._callback)

    @property
    def version(self) -> str:
        """Of the library."""
        return str(self._library.espeak_Info(None).decode())

    def choose(self, voice: str) -> None:
        """Take a voice by espeak-ng's name of it."""
        if self._library.espeak_SetVoiceByName(voice.encode()):
            raise EngineFailed(f"espeak-ng has no voice {voice}; install the package espeakng-loader again")
        self._library.espeak_SetParameter(_VOLUME, _UNCLIPPED, 0)

    def pace(self, words_a_minute: int) -> None:
        """How fast it speaks."""
        self._library.espeak_SetParameter(_RATE, words_a_minute, 0)

    def speak(self, text: str, take: Callable[[bytes], None]) -> None:
        """Speak; `take` is given samples, 16 bit, as they come."""
        raw = text.encode()
        self._take, self._error = take, None
        refused = self._library.espeak_Synth(raw, ctypes.c_size_t(len(raw) + 1), 0, _BY_CHARACTER, 0, _UTF8, None, None)
        if self._error is not None:
            raise self._error
        if refused:
            raise EngineFailed(f"espeak-ng refused a sentence (status {refused})")

    def phonemes(self, text: str) -> list[str]:
        """The sounds of a text in IPA, a string for each of the clauses that the library sees in it."""
        buffer = ctypes.create_string_buffer(text.encode())
        at = ctypes.c_void_p(ctypes.addressof(buffer))
        found: list[str] = []
        while at.value:
            found.append(self._library.espeak_TextToPhonemes(ctypes.byref(at), _UTF8, _IPA).decode())
        return found

    def _heard(self, samples: "ctypes._Pointer[ctypes.c_short]", count: int, _events: object) -> int:
        """Called by the library; what it raised is raised again by `speak`, and 1 ends the sentence."""
        try:
            if samples and count:
                self._take(ctypes.string_at(samples, 2 * count))
        except Exception as error:  # noqa: BLE001  # an exception cannot go through the library
            self._error = error
            return 1
        return 0
