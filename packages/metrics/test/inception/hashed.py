"""Pictures and weights that are no one's: a hash of (number of the tensor, index), as test/inception/hashed.ts has it too."""

import numpy as np


def uniform(tensor, count):
    """count numbers in [-1, 1), float64: the hash of 32 bits that test/inception/weights.ts has as well."""
    h = np.arange(count, dtype=np.uint32) * np.uint32(0x9E3779B1) + np.uint32(tensor * 0x85EBCA77 % 2**32)
    h ^= h >> np.uint32(16)
    h *= np.uint32(0x21F0AAAD)
    h ^= h >> np.uint32(15)
    h *= np.uint32(0xD35A2D97)
    h ^= h >> np.uint32(15)
    return h / 2**31 - 1


def picture(height, width, channels, number):
    """Bytes: a smooth wave with some noise."""
    y, x, c = np.meshgrid(np.arange(height), np.arange(width), np.arange(channels), indexing="ij")
    triangle = np.abs((x * 37 + y * 23 + c * 101 + number * 59) % 510 - 255)
    noise = np.floor((uniform(1000 + number, height * width * channels) + 1) * 16).reshape(height, width, channels)
    return np.clip(triangle + noise - 16, 0, 255).astype(np.uint8)
