"""The adapters' stories share their words, and Tienda Norte with those of the flows."""

import sys
from pathlib import Path

_HERE = Path(__file__).parent
sys.path[:0] = [str(_HERE), str(_HERE / "smtp"), str(_HERE / "webhook"), str(_HERE.parent / "flows")]
