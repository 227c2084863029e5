"""The files of torch.save that packages/core/src/io/torch.test.ts reads, and what is in them (expected.json).

    python packages/core/test/torch/make.py        # with torch (made with 2.15) and numpy
"""

import json
import os
from collections import OrderedDict
from pathlib import Path

import torch

HERE = Path(__file__).parent


def state():
    shared = torch.arange(24, dtype=torch.float32)
    grid = shared.view(2, 3, 4)
    tensors = OrderedDict(
        f64=torch.tensor([0.1, -2.0, 1e300], dtype=torch.float64),
        f32=torch.tensor([[0.5, -1.25], [3e-38, 7.0]], dtype=torch.float32),
        f16=torch.tensor([1.0, -2.5, 6.1e-5], dtype=torch.float16),
        bf16=torch.tensor([1.0, -3.140625, 3e38], dtype=torch.bfloat16),
        i64=torch.tensor([-(2**53) + 1, 2**53 - 1], dtype=torch.int64),
        i32=torch.tensor([-(2**31), 2**31 - 1], dtype=torch.int32),
        u8=torch.tensor([0, 1, 255], dtype=torch.uint8),
        bool=torch.tensor([True, False]),
        scalar=torch.tensor(42, dtype=torch.int64),
        empty=torch.zeros(0, 3),
        parameter=torch.nn.Parameter(torch.tensor([1.5, 2.5])),
        window=shared[5:9],
        transposed=grid.permute(2, 0, 1),
        every_other=grid[:, 1:, ::2],
        wide=torch.tensor([[1, 2], [3, 4]], dtype=torch.int64).t(),
    )
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3, bias=False), torch.nn.BatchNorm2d(2))
    own = net.state_dict()  # its `_metadata` is an attribute of the ordered dict
    own.update(tensors)
    own["ключ"] = torch.ones(1)
    return own


class Payload:
    def __reduce__(self):
        return os.system, ("echo never",)


def main():
    tensors = state()
    torch.save(tensors, HERE / "zip.pth")
    torch.save(tensors, HERE / "legacy.pth", _use_new_zipfile_serialization=False)
    torch.save({"a": Payload()}, HERE / "payload-zip.pth")
    torch.save({"a": Payload()}, HERE / "payload-legacy.pth", _use_new_zipfile_serialization=False)
    torch.save(torch.nn.Linear(2, 1), HERE / "module.pth")
    torch.save({"epoch": 3, "model": OrderedDict(a=torch.ones(2))}, HERE / "checkpoint.pth")
    torch.save(OrderedDict(a=torch.ones(1).expand(1000)), HERE / "expanded.pth")
    torch.jit.save(torch.jit.trace(torch.nn.Linear(2, 1), torch.ones(1, 2)), str(HERE / "script.pt"))
    expected = {name: {"shape": list(t.shape), "data": t.to(torch.float64).flatten().tolist()} for name, t in tensors.items()}
    (HERE / "expected.json").write_text(json.dumps(expected, ensure_ascii=False, indent=1) + "\n")


if __name__ == "__main__":
    main()
