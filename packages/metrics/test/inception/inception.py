"""inception.safetensors and names.json: what inception.test.ts is held against.

    pip install torch torchvision numpy pillow safetensors   # made with torch 2.15.0, torchvision 0.29.2, numpy 2.4.6, Pillow 13.0.0
    python packages/metrics/test/inception/inception.py [whole-state-dict.pth]

The oracle is torchvision's inception_v3 with 1008 classes, changed where the graph of 2015-12-05 differs: average pools leave padding
out, the pool of Mixed_7c is a maximum. The pictures are resized by the formula of TensorFlow 1 in numpy, and by Pillow.
"""

import functools
import sys
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
import torchvision
from PIL import Image
from safetensors.numpy import save_file

from hashed import picture, uniform

HERE = Path(__file__).parent


def fill(state):
    """Weights by their place in the state dict: He-uniform filters, statistics near those of a trained network."""
    filled = {}
    for number, (name, old) in enumerate(state.items()):
        u = uniform(number, old.numel())
        last = name.rsplit(".", 1)[-1]
        if last == "num_batches_tracked":
            filled[name] = torch.zeros((), dtype=torch.int64)
            continue
        if old.ndim > 1:
            u = u * np.sqrt(6 / (old.numel() // old.shape[0]))
        elif last == "running_var":
            u = 1 + 0.5 * u
        elif last == "weight":
            u = 1 + 0.1 * u
        else:
            u = 0.1 * u
        filled[name] = torch.from_numpy(u.astype(np.float32)).reshape(old.shape)
    return filled


class MaxPoolBranch(torchvision.models.inception.InceptionE):
    def _forward(self, x):
        original = F.avg_pool2d
        F.avg_pool2d = functools.partial(F.max_pool2d)
        try:
            return super()._forward(x)
        finally:
            F.avg_pool2d = original


def network():
    net = torchvision.models.inception_v3(weights=None, init_weights=False, num_classes=1008, aux_logits=False, transform_input=False)
    net.Mixed_7c.__class__ = MaxPoolBranch
    net.load_state_dict(fill(net.state_dict()))
    return net.eval()


def tf1(image, size=299):
    """Without half-pixel centres: output i looks at input i * in / out."""
    image = image.astype(np.float32)
    for axis in (1, 0):
        at = np.arange(size, dtype=np.float32) * (np.float32(image.shape[axis]) / np.float32(size))
        low = np.floor(at).astype(int)
        high = np.minimum(low + 1, image.shape[axis] - 1)
        part = (at - low.astype(np.float32)).reshape([-1, 1, 1] if axis == 0 else [1, -1, 1])
        first, second = image.take(low, axis), image.take(high, axis)
        image = first + (second - first) * part
    return image


def clean(image, size=299):
    planes = [
        np.asarray(Image.fromarray(image[:, :, c].astype(np.float32), mode="F").resize((size, size), Image.Resampling.BICUBIC))
        for c in range(image.shape[2])
    ]
    return np.stack(planes, axis=-1)


def features(net, image, resize):
    rgb = np.repeat(image, 3, axis=2) if image.shape[2] == 1 else image
    x = torch.from_numpy((resize(rgb) - np.float32(128)) / np.float32(128)).permute(2, 0, 1)[None]
    kept = []
    handle = net.avgpool.register_forward_hook(lambda _, __, out: kept.append(out.flatten(1)))
    plain = F.avg_pool2d
    F.avg_pool2d = functools.partial(F.avg_pool2d, count_include_pad=False)
    try:
        with torch.no_grad():
            logits = net(x)
    finally:
        F.avg_pool2d = plain
        handle.remove()
    return kept[0][0].numpy(), (logits - net.fc.bias)[0].detach().numpy()


def main():
    net = network()
    tensors = {}
    for name, number, size, resize in (("tf1", 0, (32, 32, 3), tf1), ("clean", 1, (28, 28, 1), clean)):
        tensors[f"{name}.features"], tensors[f"{name}.logits"] = features(net, picture(*size, number), resize)
    save_file(tensors, HERE / "inception.safetensors")
    lines = [f' "{name}": [{", ".join(str(n) for n in value.shape)}]' for name, value in net.state_dict().items()]
    (HERE / "names.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")
    for name, value in tensors.items():
        print(name, value.shape, value.mean(), value.std(), value[:4])
    if len(sys.argv) > 1:
        torch.save(net.state_dict(), sys.argv[1], _use_new_zipfile_serialization=False)


if __name__ == "__main__":
    main()
