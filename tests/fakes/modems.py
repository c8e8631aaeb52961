"""A program in the place of ModemManager's `mmcli`: a shell script that says, or does, what a test wants."""

from pathlib import Path

ANSWER = """\
modem.dbus-path                                 : /org/freedesktop/ModemManager1/Modem/0
modem.generic.device-identifier                 : 5a1f
modem.generic.state                             : connected
modem.generic.access-technologies.length        : 1
modem.generic.access-technologies.value[1]      : lte
modem.generic.signal-quality.value              : 67
modem.generic.signal-quality.recent             : yes
modem.3gpp.operator-code                        : 45204
modem.3gpp.operator-name                        : Viettel
modem.3gpp.registration-state                   : home"""


def program(folder: Path, script: str, name: str = "mmcli") -> Path:
    """Write it; gives where it is."""
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(0o755)
    return path
