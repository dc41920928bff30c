"""Detection of planted image copies, and its run time.

    python benchmarks/image_copies.py FOLDER [--json FILE] [--planted 100] [--images 60000]

FOLDER is an image folder like CIFAR-10. For each alteration, altered copies of some images form a
second set; detected and false pairs are counted, without the pairs that exist in the original set.
For the run time, quarter turns and enlarged corners of the images bring them to the requested number;
they are not copies of each other, but more alike than photographs.
"""

from __future__ import annotations

import argparse
import io
import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageEnhance, ImageFilter

from hpo.data import near_duplicates
from hpo.data.thumbnails import thumbnails

Alter = Callable[[Image.Image], Image.Image]
RANDOM = np.random.default_rng(0)


def jpeg(quality: int) -> Alter:
    def alter(image: Image.Image) -> Image.Image:
        file = io.BytesIO()
        image.save(file, "JPEG", quality=quality)
        return Image.open(file).convert("RGB")

    return alter


def noise(image: Image.Image) -> Image.Image:
    pixels = np.asarray(image) + RANDOM.normal(0, 8, (32, 32, 3))
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def shift(image: Image.Image) -> Image.Image:
    down, across = RANDOM.choice([0, 2], 2)
    padded = np.pad(np.asarray(image), ((1, 1), (1, 1), (0, 0)), mode="edge")
    return Image.fromarray(np.ascontiguousarray(padded[down : down + 32, across : across + 32]))


def crop(image: Image.Image) -> Image.Image:
    left, top = RANDOM.integers(0, 3, 2)
    return image.crop((left, top, left + 30, top + 30)).resize((32, 32), Image.Resampling.BICUBIC)


ALTERATIONS: dict[str, Alter] = {
    "exact": lambda image: image,
    "jpeg 75": jpeg(75),
    "jpeg 50": jpeg(50),
    "noise, 8 levels": noise,
    "brightness +20 %": lambda image: ImageEnhance.Brightness(image).enhance(1.2),
    "brightness -20 %": lambda image: ImageEnhance.Brightness(image).enhance(0.8),
    "contrast +25 %": lambda image: ImageEnhance.Contrast(image).enhance(1.25),
    "grey": lambda image: image.convert("L").convert("RGB"),
    "blur, 0.6 pixels": lambda image: image.filter(ImageFilter.GaussianBlur(0.6)),
    "sharpened": lambda image: ImageEnhance.Sharpness(image).enhance(2),
    "mirrored": lambda image: image.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
    "shifted by 1 pixel": shift,
    "cropped to 30 pixels": crop,
    "turned by 3 degrees": lambda image: image.rotate(3, Image.Resampling.BICUBIC),
}


def planted(images: np.ndarray, count: int) -> dict[str, dict[str, float]]:
    """Return the share of planted copies found, and of other images falsely paired, per alteration."""
    grey = thumbnails(images)
    existing = {tuple(pair) for pair in near_duplicates.near_pairs(grey).rows.tolist()}
    alike = existing | {(b, a) for a, b in existing}
    shares = {}
    for name, alter in ALTERATIONS.items():
        rows = RANDOM.choice(len(images), count, replace=False)
        copies = np.stack([np.asarray(alter(Image.fromarray(images[row]))) for row in rows])
        pairs = near_duplicates.near_pairs(grey, thumbnails(copies)).rows
        hits = {int(copy) for row, copy in pairs if rows[copy] == row}
        false = {int(row) for row, copy in pairs if rows[copy] != row and (row, rows[copy]) not in alike}
        shares[name] = {"found": len(hits) / count, "false": len(false) / len(images)}
    return shares


def enlarged(images: np.ndarray, count: int) -> np.ndarray:
    """Return ``count`` images: the originals, their corners at twice the size, and turned copies."""
    corners = [images[:, y : y + 16, x : x + 16] for y in (0, 16) for x in (0, 16)]
    several = np.concatenate([images, *(corner.repeat(2, 1).repeat(2, 2) for corner in corners)])
    turned = np.concatenate([np.rot90(several, quarter, (1, 2)) for quarter in range(4)])
    return turned[:count]


def main() -> None:
    """Measure, print and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--planted", type=int, default=100)
    parser.add_argument("--images", type=int, default=60_000)
    args = parser.parse_args()
    files = sorted(args.folder.rglob("*.jpg")) + sorted(args.folder.rglob("*.png"))
    images = np.stack([np.asarray(Image.open(file).convert("RGB").resize((32, 32))) for file in files])
    shares = planted(images, args.planted)
    for name, share in shares.items():
        print(f"{name:22} found {share['found']:6.1%}   false {share['false']:.2%}")
    overall = float(np.mean([share["found"] for share in shares.values()]))
    many = enlarged(images, args.images)
    wall, used = time.perf_counter(), time.process_time()
    near_duplicates.near_pairs(thumbnails(many))
    wall, used = time.perf_counter() - wall, time.process_time() - used
    print(f"overall found {overall:.1%}; {len(many)} images: {wall:.1f} s, {used:.1f} s of processor time")
    if args.json:
        result = {"alterations": shares, "found": overall, "images": len(many), "seconds": wall, "cpu": used}
        args.json.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
