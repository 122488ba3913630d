"""Makes the pictures beside it: drawn here, so theirs is the project's licence. Needs pillow and numpy."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

FOLDER = Path(__file__).parent
L = "0001101 0011001 0010011 0111101 0100011 0110001 0101111 0111011 0110111 0001011".split()
PARITY = "LLLLLL LLGLGG LLGGLG LLGGGL LGLLGG LGGLLG LGGGLL LGLGLG LGLGGL LGGLGL".split()
# "Aa1234" in Code 128: start B, A, a, to set C, 12, 34, check digit 61, stop; widths of bars and gaps in modules.
CODE_128 = "211214 111323 121124 113141 112232 131123 221411 2331112".replace(" ", "")


def ean13(text: str) -> str:
    flip = str.maketrans("01", "10")
    left = "".join(
        L[int(d)] if p == "L" else L[int(d)].translate(flip)[::-1] for d, p in zip(text[1:7], PARITY[int(text[0])])
    )
    right = "".join(L[int(d)].translate(flip) for d in text[7:])
    return f"101{left}01010{right}101"


def code128() -> str:
    return "".join("10"[at % 2] * int(width) for at, width in enumerate(CODE_128))


def label(modules: str, module: int = 2, rotate: float = 0.0) -> Image.Image:
    """A white label with the code on a grey part, seen a little out of focus, with noise."""
    picture = np.full((140, 280), 105.0)
    width = module * len(modules)
    left = (280 - width) // 2
    picture[30:110, left - 24 : left + width + 24] = 215.0
    for at, bit in enumerate(modules):
        if bit == "1":
            picture[40:100, left + module * at : left + module * (at + 1)] = 35.0
    image = Image.fromarray(picture.astype(np.uint8), "L").filter(ImageFilter.GaussianBlur(0.7))
    image = image.rotate(rotate, Image.Resampling.BILINEAR, fillcolor=105)
    noise = np.random.Generator(np.random.PCG64(3)).normal(0.0, 3.0, (image.height, image.width))
    return Image.fromarray(np.clip(np.asarray(image) + noise, 0, 255).astype(np.uint8), "L")


def main() -> None:
    good = label(ean13("4006381333931"))
    good.save(FOLDER / "good.png", optimize=True)
    good.rotate(180).save(FOLDER / "upside-down.png", optimize=True)
    label(ean13("4006381333931"), rotate=4.0).save(FOLDER / "tilted.png", optimize=True)
    label(ean13("4006381333932")).save(FOLDER / "check-digit.png", optimize=True)
    label(ean13("9780201379624")).save(FOLDER / "other-part.png", optimize=True)
    label(code128()).save(FOLDER / "code-128.png", optimize=True)
    label("0" * 95).save(FOLDER / "missing.png", optimize=True)


main()
