"""The digits network, its training step and ten steps of DPM-Solver++(2M) in PyTorch: what `npm run bench` holds Tweedie against.

    python3 bench/pytorch.py WEIGHTS.safetensors [--device cpu|cuda] [--channels-last]

Written in PyTorch's own idiom (modules' functional forms, fused optimiser, no compilation), on the same weights: before anything is timed, both
sides must give the same D(y; sigma). Reads one task a line from stdin, answers one JSON object a line; see contestant.mjs.
"""

import argparse, json, math, resource, struct, sys, time

import torch
import torch.nn.functional as F

GROUPS = lambda channels: max(1, min(32, channels // 4))
SIGMA_DATA = 0.5


def read_safetensors(path):
    with open(path, "rb") as file:
        size = struct.unpack("<Q", file.read(8))[0]
        header = json.loads(file.read(size))
        body = bytearray(file.read())
    out = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        start, end = entry["data_offsets"]
        out[name] = torch.frombuffer(body[start:end], dtype=torch.float32).reshape(entry["shape"]).clone()
    return out


class Digits(torch.nn.Module):
    """Tensors come as HWIO and [in, out] and are kept as PyTorch wants them: OIHW and [out, in]."""

    def __init__(self, weights, embedding, channels_last):
        super().__init__()
        self.frequencies = torch.tensor([32 ** (i / (embedding // 2 - 1)) for i in range(embedding // 2)], dtype=torch.float64)
        self.names = {}
        for name, w in weights.items():
            if w.dim() == 4:
                w = w.permute(3, 2, 0, 1).contiguous(memory_format=torch.channels_last if channels_last else torch.contiguous_format)
            elif w.dim() == 2:
                w = w.t().contiguous()
            self.register_parameter(name.replace(".", "_"), torch.nn.Parameter(w))
        self.channels_last = channels_last
        self.norms = ["enc0.block0", "enc1.block0", "enc1.block1", "dec0.block0", "out"]

    def w(self, name):
        return self._parameters.get(name.replace(".", "_"))

    def conv(self, x, name, bias=True):
        weight = self.w(f"{name}.weight")
        return F.conv2d(x, weight, self.w(f"{name}.bias") if bias else None, padding=weight.shape[2] // 2)

    def forward(self, x, c_noise, label):
        angles = (c_noise[:, None] * self.frequencies).to(x.device)
        seen = torch.cat([angles.sin(), angles.cos()], 1).float()
        e = F.linear(seen, self.w("embed.weight"), self.w("embed.bias"))
        if label is not None:
            e = e + F.linear(label, self.w("label.weight"))
        film = F.linear(F.silu(e), self.w("film.weight"), self.w("film.bias"))
        widths = {name: (64 if name.startswith("enc1") else 32) for name in self.norms}
        parts = torch.split(film, [w for name in self.norms for w in (widths[name],) * 2], 1)
        films = {name: (parts[2 * i][:, :, None, None], parts[2 * i + 1][:, :, None, None]) for i, name in enumerate(self.norms)}

        def norm(h, name):
            scale, shift = films[name]
            return F.silu(torch.addcmul(shift, F.group_norm(h, GROUPS(h.shape[1]), eps=1e-6), scale))

        def block(h, name):
            return h + self.conv(norm(self.conv(h, f"{name}.conv0", bias=False), name), f"{name}.conv1")

        # The order of channels in a patch is (row, column), as in the other implementation: [B, 1, 28, 28] has one.
        h = self.conv(F.pixel_unshuffle(x, 2), "stem")
        h = skip = block(h, "enc0.block0")
        h = self.conv(F.avg_pool2d(h, 2), "shrink0")
        h = block(block(h, "enc1.block0"), "enc1.block1")
        h = F.interpolate(self.conv(h, "grow0"), scale_factor=2, mode="nearest") + skip
        h = block(h, "dec0.block0")
        return F.pixel_shuffle(self.conv(norm(h, "out"), "out"), 2)

    def denoise(self, y, sigma, label=None):
        """EDM's preconditioning; sigma: [B] float64 on the host."""
        root = (sigma**2 + SIGMA_DATA**2).sqrt()
        wide = lambda c: c.float().to(y.device)[:, None, None, None]
        f = self(y * wide(1 / root), sigma.log() / 4, label)
        return y * wide(SIGMA_DATA**2 / (root * root)) + f * wide(sigma * SIGMA_DATA / root)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("weights")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--channels-last", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    device, batch = torch.device(options.device), options.batch
    weights = read_safetensors(options.weights)
    net = Digits(weights, weights["embed.weight"].shape[0], options.channels_last).to(device)
    layout = dict(memory_format=torch.channels_last) if options.channels_last else {}
    ema = [p.detach().clone() for p in net.parameters()]
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-5)
    data = torch.sin(torch.arange(256 * 784, dtype=torch.float64)).float().reshape(256, 1, 28, 28)
    labels = torch.arange(256) % 10
    sync = torch.cuda.synchronize if device.type == "cuda" else (lambda: None)

    def call():
        with torch.no_grad():
            net.denoise(y, sigma, hot)

    def train():
        rows = torch.randint(256, (batch,))
        x0 = data[rows].to(device, **layout)
        hot = F.one_hot(labels[rows], 10).float().to(device)
        sigma = (torch.randn(batch, dtype=torch.float64) * 1.2 - 1.2).exp()
        noisy = x0 + torch.randn_like(x0) * sigma.float().to(device)[:, None, None, None]
        weight = ((sigma**2 + SIGMA_DATA**2) / (sigma * SIGMA_DATA) ** 2).float().to(device)
        loss = ((net.denoise(noisy, sigma, hot) - x0).square().mean((1, 2, 3)) * weight).mean()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        torch._foreach_lerp_(ema, [p.detach() for p in net.parameters()], 0.001)
        loss.item()

    def sample():
        """DPM-Solver++(2M) in sigma, Karras' levels from 80 to 0.002: ten calls."""
        rho, n = 7, 10
        levels = [(80 ** (1 / rho) + i / (n - 1) * (0.002 ** (1 / rho) - 80 ** (1 / rho))) ** rho for i in range(n)] + [0.0]
        with torch.no_grad():
            x, before, step_before = torch.randn(batch, 1, 28, 28, device=device) * levels[0], None, None
            for at, to in zip(levels[:-1], levels[1:]):
                d = net.denoise(x, torch.full((batch,), at, dtype=torch.float64), hot)
                if to == 0:
                    x = d
                    break
                h = math.log(at / to)
                mixed = d if before is None else d + (d - before) * (h / (2 * step_before))
                x = x * (to / at) - mixed * math.expm1(-h)
                before, step_before = d, h
        x.sum().item()

    y = torch.sin(torch.arange(batch * 784, dtype=torch.float64) * 0.7).float().reshape(batch, 1, 28, 28).to(device, **layout)
    sigma = torch.full((batch,), 1.3, dtype=torch.float64)
    hot = F.one_hot(torch.arange(batch) % 10, 10).float().to(device)
    tasks = {"call": call, "train": train, "sample": sample}
    about = f"PyTorch {torch.__version__}, {torch.cuda.get_device_name() if device.type == 'cuda' else f'{options.threads} thread(s)'}"
    print(json.dumps({"ready": about}), flush=True)
    for line in sys.stdin:
        task = json.loads(line)["task"]
        if task == "check":
            with torch.no_grad():
                answer = {"values": net.denoise(y, sigma, hot).flatten()[:784].tolist()}
        elif task == "memory":
            answer = {"bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}
        else:
            sync()
            start = time.perf_counter()
            tasks[task]()
            sync()
            answer = {"milliseconds": (time.perf_counter() - start) * 1000}
        print(json.dumps(answer), flush=True)


main()
