"""resize.json: TensorFlow's ResizeBilinear with its defaults of version 1, and Pillow's bicubic on float planes, as clean-fid calls it.

    pip install numpy pillow tensorflow-cpu         # made with numpy 2.4.6, Pillow 13.0.0, TensorFlow 2.21.0
    python packages/metrics/test/inception/resize.py
"""

import hashlib
import json
from pathlib import Path

import numpy as np
import tensorflow as tf
from PIL import Image

from hashed import picture

HERE = Path(__file__).parent
SIZES = [(28, 28, 1), (32, 32, 3), (64, 48, 3), (512, 512, 1), (299, 299, 1), (300, 7, 1)]


def tf1(image, size=299):
    return tf.compat.v1.image.resize_bilinear(image[None].astype(np.float32), [size, size], align_corners=False, half_pixel_centers=False).numpy()[0]


def clean(image, size=299):
    planes = [
        np.asarray(Image.fromarray(image[:, :, c].astype(np.float32), mode="F").resize((size, size), Image.Resampling.BICUBIC))
        for c in range(image.shape[2])
    ]
    return np.stack(planes, axis=-1)


def main():
    cases = []
    for number, (height, width, channels) in enumerate(SIZES):
        image = picture(height, width, channels, number)
        case = {"height": height, "width": width, "channels": channels}
        for name, resize in (("tf1", tf1), ("clean", clean)):
            out = np.ascontiguousarray(resize(image), dtype="<f4")
            case[name] = {"sha256": hashlib.sha256(out.tobytes()).hexdigest(), "every9973rd": [float(v) for v in out.ravel()[::9973]]}
        cases.append(case)
    (HERE / "resize.json").write_text(json.dumps(cases, indent=1) + "\n")


if __name__ == "__main__":
    main()
