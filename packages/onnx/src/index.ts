export { exportDenoiser, type Metadata } from './export-denoiser.ts';
export { exportExtractor } from './export-extractor.ts';
export { decodeModel, type AttributeProto, type ModelProto, type NodeProto, type TensorProto, type ValueInfoProto } from './schema.ts';
