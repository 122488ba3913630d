"""Makes the pictures beside it: drawn here, so theirs is the project's licence. Needs pillow and numpy."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

FOLDER = Path(__file__).parent


def wedge(x: float, y: float, degrees: float) -> Image.Image:
    """A bright part with a hole near its thick end, on a dark belt with noise; drawn four times too large."""
    size = (200, 150)
    image = Image.new("RGB", (size[0] * 4, size[1] * 4), (40, 44, 48))
    draw = ImageDraw.Draw(image)
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))

    def place(u: float, v: float) -> tuple[float, float]:
        return 4 * (x + u * c - v * s), 4 * (y + u * s + v * c)

    draw.polygon([place(-40, -22), place(40, -11), place(40, 11), place(-40, 22)], fill=(205, 200, 190))
    cx, cy = place(-22, 0)
    draw.ellipse([cx - 24, cy - 24, cx + 24, cy + 24], fill=(150, 60, 50))
    small = np.asarray(image.resize(size, Image.Resampling.BOX), dtype=float)
    noise = np.random.Generator(np.random.PCG64(5)).normal(0.0, 3.0, small.shape)
    return Image.fromarray(np.clip(small + noise, 0, 255).astype(np.uint8), "RGB")


def main() -> None:
    wedge(100, 75, 0).save(FOLDER / "upright.png", optimize=True)
    wedge(80, 70, 35).save(FOLDER / "turned.png", optimize=True)
    wedge(120, 80, -150).save(FOLDER / "turned-around.png", optimize=True)
    wedge(185, 75, 90).save(FOLDER / "at-the-edge.png", optimize=True)
    wedge(-200, -200, 0).save(FOLDER / "empty-belt.png", optimize=True)


main()
