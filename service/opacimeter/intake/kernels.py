"""Kernels: how sharp a reconstruction is, by the name its maker gave the kernel.

No tag says it (ConvolutionKernel (0018,1210) is free text), so the makers' published schemes are
read: Siemens counts 10 (smooth) to 99 (sharp), Canon's FC numbers go by purpose, GE and Philips
use words and letters.
"""

import re

__all__ = ["SHARP", "sharpness"]

SHARP = 60
"""From this figure on (Siemens' count) a kernel is called sharp: lung and bone kernels."""

_MEDIUM = 40
_WORDS = (  # GE, United Imaging, Philips and Canon in words; the first that occurs decides
    (("SHARP", "BONE", "EDGE", "LUNG", "ULTRA", "YC", "YD", "YE"), 70),
    (("CHEST", "DETAIL", "YB"), 50),
    (("SOFT", "SMOOTH"), 20),
    (("STANDARD", "STND", "BODY"), 30),
)
_LETTERS = {"A": 20, "B": 30, "C": 40, "D": 60, "E": 70, "F": 70, "L": 70}  # Philips
_SIEMENS = re.compile(r"^(?:[A-Z])([A-Z]?)(\d{2})[A-Z]?$")
_CANON = re.compile(r"^FC(\d{2})$")
_SHARP_CANON = (range(30, 40), range(50, 60), range(80, 90))  # bone, lung, high resolution
_LEAST_LUNG = 50  # Siemens' Bl kernels are made for lungs


def sharpness(kernel: str) -> int:
    """0 (smooth) … 99 (sharp) on Siemens' scale; medium where the name is unknown or missing."""
    name = kernel.strip().upper().replace(" ", "")
    if canon := _CANON.match(name):
        return 70 if any(int(canon[1]) in numbers for numbers in _SHARP_CANON) else 30
    if siemens := _SIEMENS.match(name):
        number = int(siemens[2])
        return max(number, SHARP) if siemens[1] == "L" and number >= _LEAST_LUNG else number
    for words, figure in _WORDS:
        if any(word in name for word in words):
            return figure
    return _LETTERS.get(name, _MEDIUM)
