"""Makes the pictures beside it: drawn here, so theirs is the project's licence. Needs pillow and numpy."""

from pathlib import Path

import numpy as np
from PIL import Image

FOLDER = Path(__file__).parent
SIDE = 96


def texture(mean: float, spread: float) -> np.ndarray:
    """The same noise on every machine."""
    noise = np.random.Generator(np.random.PCG64(7)).normal(0.0, 1.0, (SIDE, SIDE))
    return np.clip(mean + spread * noise, 0, 255)


def save(name: str, picture: np.ndarray) -> None:
    Image.fromarray(picture.astype(np.uint8), "L").save(FOLDER / f"{name}.png", optimize=True)


def main() -> None:
    save("good", texture(120, 20))
    reflection = texture(120, 20)
    reflection[4:24, 70:94] = 255
    save("reflection", reflection)
    shadow = texture(120, 20)
    shadow[60:, :30] = 0
    save("shadow", shadow)
    save("lamp-off", texture(15, 3))
    save("too-long", texture(235, 8))


main()
