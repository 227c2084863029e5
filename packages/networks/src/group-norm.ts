// GroupNorm (Y. Wu, K. He, 1803.08494), with what stands before and after it in every block of a score network: y = SiLU(scale · (x + offset − μ)/√(v + ε) + shift).
import { add, mean, mul, reshape, rsqrt, square, sub, sum, tidy, tile, zeros, type Tensor, type Tensor4D } from '@tensorflow/tfjs-core';
import { closedForm } from './closed-form.ts';
import { sigmoid, siluDerivative } from './silu.ts';
import { spatialMean } from './spatial-mean.ts';

export interface GroupNormOptions {
  /** Must divide the channels. */
  readonly groups: number;
  /** Per channel, [C], or per row and channel, B·C numbers (FiLM). */
  readonly scale: Tensor;
  readonly shift: Tensor;
  /** Added to x before it is normalised: a convolution's bias, an embedding. [C] or B·C numbers. Default 0. */
  readonly offset?: Tensor;
  /** Default 1e-6, the networks' own. */
  readonly epsilon?: number;
  /** Whether SiLU follows. Default false. */
  readonly activate?: boolean;
}

/** Groups of a norm over `channels`, as the DDPM++ family counts them: at most 32, at least 4 channels each. */
export const groupsOf = (channels: number): number => Math.max(1, Math.min(32, Math.floor(channels / 4)));

/** Normalises each group of channels of each image over its pixels. x: [B, H, W, C]. */
export const groupNorm = (x: Tensor4D, { groups, scale, shift, offset, epsilon = 1e-6, activate = false }: GroupNormOptions): Tensor4D => {
  const [rows, height, width, channels] = x.shape;
  const pixels = height * width;
  const depth = channels / groups;
  /** Per (row, group, channel of the group), and back to a shape that broadcasts over pixels. */
  const grouped = (t: Tensor): Tensor => reshape(t, [-1, groups, depth]);
  const wide = (t: Tensor): Tensor => reshape(t, [-1, 1, 1, channels]);
  const pixelMean = (t: Tensor): Tensor => grouped(spatialMean(t as Tensor4D));
  const groupMean = (t: Tensor): Tensor => mean(t, -1, true);
  /** Σ over pixels, and over rows too where the parameter is shared by them. */
  const like = (perRow: Tensor, parameter: Tensor): Tensor => {
    const total = mul(perRow, pixels);
    return reshape(rows > 1 && parameter.size === channels ? sum(total, 0) : total, parameter.shape);
  };

  const form = closedForm({
    forward: ([input, a, b, t]) => {
      const before = grouped(t!);
      const m = add(pixelMean(input!), before); // mean of x + t over pixels
      const mu = groupMean(m); // [B, groups, 1]
      const move = sub(before, mu);
      const centred = add(input!, wide(move)); // c = x + t − μ
      const r = rsqrt(add(groupMean(pixelMean(square(centred))), epsilon)); // 1/√(v + ε)
      const gain = mul(r, grouped(a!));
      const z = add(mul(centred, wide(gain)), wide(b!));
      const remember = [move, sub(m, mu), r, gain];
      if (!activate) return { value: z, remember };
      const s = sigmoid(z);
      const value = mul(z, s);
      return { value, remember: [...remember, value, s] };
    },
    backward: (dy, [input, a, b, t], [move, centredMean, r, gain, y, s]) => {
      const dz = activate ? siluDerivative(dy, y!, s!) : dy;
      const centred = add(input!, wide(move!));
      const p = pixelMean(dz);
      const q = pixelMean(mul(dz, centred));
      // dx = r (a dz − ⟨a dz⟩ − x̂ ⟨a dz x̂⟩) with x̂ = r c and ⟨·⟩ the mean over a group
      const level = tile(groupMean(mul(gain!, p)), [1, 1, depth]);
      const slope = tile(mul(square(r!), groupMean(mul(gain!, q))), [1, 1, depth]);
      const dx = sub(mul(dz, wide(gain!)), add(mul(centred, wide(slope)), wide(level)));
      const dt = sub(mul(p, gain!), add(mul(centredMean!, slope), level));
      return [dx, like(mul(q, r!), a!), like(p, b!), like(dt, t!)];
    },
  });
  return tidy(() => form(x, scale, shift, offset ?? zeros([channels])) as Tensor4D);
};
