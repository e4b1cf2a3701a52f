"""Records crops, resizing, rotations and colours of torchvision: test/data/augmentation/torchvision.test.ts compares saturnn with it.

Run by hand, where PyTorch and torchvision are installed:  python3 test/pytorch/record_augmentation.py
Each case is computed twice: of float pixels, which are not rounded, and of bytes, as torchvision usually does. Images are written
in saturnn's order, [H, W, C]. Writes fixtures/augmentation.json.
"""

import json
import pathlib

import torch
import torchvision
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional as F

HEIGHT, WIDTH = 13, 11
MEAN = [100.0, 120.0, 140.0]
BILINEAR = InterpolationMode.BILINEAR

GEOMETRY = {
    "crop": lambda x: F.crop(x, 2, 3, 8, 7),
    "padded crop": lambda x: F.crop(F.pad(x, [4, 4, 4, 4], fill=MEAN), 1, 6, HEIGHT, WIDTH),
    "mirror": F.horizontal_flip,
    "flip": F.vertical_flip,
    "enlarged": lambda x: F.resized_crop(x, 2, 1, 5, 4, [9, 10], BILINEAR, antialias=True),
    "reduced": lambda x: F.resized_crop(x, 0, 1, 13, 9, [5, 4], BILINEAR, antialias=True),
    "reduced a little": lambda x: F.resized_crop(x, 1, 0, 11, 10, [9, 9], BILINEAR, antialias=True),
    "rotated by 17": lambda x: F.rotate(x, 17.0, BILINEAR, fill=MEAN),
    "rotated by -60": lambda x: F.rotate(x, -60.0, BILINEAR, fill=MEAN),
}
# Brightness, contrast, saturation and hue, in this order.
COLOURS = [
    [0.6, 1, 1, 0],
    [1.7, 1, 1, 0],
    [1, 0.4, 1, 0],
    [1, 1.6, 1, 0],
    [1, 1, 0, 0],
    [1, 1, 1.8, 0],
    [1, 1, 1, 0.2],
    [1, 1, 1, -0.35],
    [1, 1, 1, 0.5],
    [1.3, 0.7, 1.4, -0.1],
]


def recolour(x, factors):
    brightness, contrast, saturation, hue = factors
    x = F.adjust_brightness(x, brightness)
    x = F.adjust_contrast(x, contrast)
    x = F.adjust_saturation(x, saturation)
    return F.adjust_hue(x, hue)


def listed(x):
    return [round(value, 4) for value in x.permute(1, 2, 0).double().flatten().tolist()]


def main():
    torch.manual_seed(1)
    image = torch.randint(0, 256, (3, HEIGHT, WIDTH), dtype=torch.uint8)
    image[:, :3, :3] = 77  # grey: it has no hue
    floats = image.float()
    geometry = {
        name: {"float": listed(change(floats)), "bytes": listed(change(image)), "size": list(change(image).shape[1:])}
        for name, change in GEOMETRY.items()
    }
    # Colours of float images are from 0 to 1.
    colours = [
        {"factors": factors, "float": listed(recolour(floats / 255, factors) * 255), "bytes": listed(recolour(image, factors))}
        for factors in COLOURS
    ]
    recorded = {
        "torch": torch.__version__,
        "torchvision": torchvision.__version__,
        "image": {"shape": [HEIGHT, WIDTH, 3], "pixels": listed(image)},
        "mean": MEAN,
        "geometry": geometry,
        "colours": colours,
    }
    path = pathlib.Path(__file__).parent / "fixtures" / "augmentation.json"
    path.write_text(json.dumps(recorded) + "\n")


main()
