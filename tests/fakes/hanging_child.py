"""A child that tells its number in its folder, and never ends."""

import os
import threading
from pathlib import Path

Path("sign").write_text(str(os.getpid()))
threading.Event().wait(600)
