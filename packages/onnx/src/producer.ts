/** Who wrote a file. */
export const PRODUCER = Object.freeze({
  name: '@tweedie/onnx',
  version: '0.1.0',
});
