import { Conv2D, FusedConv2D, backend_util, getKernel, type KernelFunc, type NamedAttrMap, type TensorInfo } from '@tensorflow/tfjs-core';
import { kernel } from './kernel.ts';
import { winogradConvolve, winogradGeometry } from './winograd/winograd.ts';

type Attributes = {
  strides: number | [number, number];
  dilations: number | [number, number];
  pad: 'valid' | 'same' | number | [number, number][];
  dataFormat?: 'NHWC' | 'NCHW';
  dimRoundingMode?: 'floor' | 'round' | 'ceil';
  activation?: string;
};
type Inputs = { x: TensorInfo; filter: TensorInfo; bias?: TensorInfo; preluActivationWeights?: TensorInfo };

/** `Conv2D` and `FusedConv2D`: 3×3 filters of stride 1 by Winograd's method, with a bias but no activation; all others as shipped. */
export const convolutionKernels = (): { kernelName: string; kernelFunc: KernelFunc }[] =>
  [Conv2D, FusedConv2D].map((kernelName) => {
    const shipped = getKernel(kernelName, 'wasm').kernelFunc;
    return kernel(kernelName, (wasm, { x, filter, bias, preluActivationWeights }: Inputs, attributes: Attributes) => {
      const { strides, dilations, pad, dataFormat = 'NHWC', dimRoundingMode, activation = 'linear' } = attributes;
      const shapes = [x.shape, filter.shape] as [number, number, number, number][];
      const format = backend_util.convertConv2DDataFormat(dataFormat);
      const info = backend_util.computeConv2DInfo(
        shapes[0]!,
        shapes[1]!,
        strides,
        dilations,
        pad as 'valid',
        dimRoundingMode,
        false,
        format,
      );
      const whole = bias === undefined || (bias.shape.length === 1 && bias.shape[0] === info.outChannels);
      const geometry = whole && activation === 'linear' ? winogradGeometry(info) : null;
      const ours = geometry === null ? null : winogradConvolve(wasm, geometry, { x, filter, bias });
      const inputs = { x, filter, ...(bias && { bias }), ...(preluActivationWeights && { preluActivationWeights }) };
      return ours ?? (shipped({ inputs, backend: wasm, attrs: attributes as unknown as NamedAttrMap }) as TensorInfo);
    });
  });
