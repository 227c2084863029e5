export { type Picture } from './picture.ts';
export { toBytes } from './to-bytes.ts';
export { imageGrid, type Colour, type GridOptions } from './image-grid.ts';
export { encodePng } from './png.ts';
export { encodeGif, type GifOptions } from './gif.ts';
