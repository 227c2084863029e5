/** Side of the picture, and the part of the plane that it shows: [−EXTENT, EXTENT]². */
const SIDE = 384;
const EXTENT = 1.25;

export const POINTS_SHAPE: readonly number[] = Object.freeze([SIDE, SIDE, 1]);

/** Points of the plane, [n, 2], as dots of 3×3 on black, [SIDE, SIDE, 1] in [−1, 1]; y points upward. Points outside are left out. */
export const pointsImage = (points: Float32Array): Float32Array => {
  const image = new Float32Array(SIDE * SIDE).fill(-1);
  for (let i = 0; i < points.length; i += 2) {
    const column = Math.round(((points[i]! / EXTENT + 1) / 2) * (SIDE - 1));
    const row = Math.round(((1 - points[i + 1]! / EXTENT) / 2) * (SIDE - 1));
    if (!(column >= 1 && column < SIDE - 1 && row >= 1 && row < SIDE - 1)) continue;
    for (const [dy, dx] of DOT) {
      const at = (row + dy) * SIDE + column + dx;
      image[at] = Math.min(1, image[at]! + 0.8);
    }
  }
  return image;
};

const DOT: readonly (readonly [number, number])[] = [-1, 0, 1].flatMap((dy) => [-1, 0, 1].map((dx) => [dy, dx] as const));
