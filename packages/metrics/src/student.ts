/** Student's t at 97.5 % by its expansion in 1/ν (Abramowitz & Stegun 26.7.5): to .001 from ν = 7 on. */
export const student = (nu: number): number => {
  const z = 1.959963985;
  return (
    z +
    (z ** 3 + z) / (4 * nu) +
    (5 * z ** 5 + 16 * z ** 3 + 3 * z) / (96 * nu ** 2) +
    (3 * z ** 7 + 19 * z ** 5 + 17 * z ** 3 - 15 * z) / (384 * nu ** 3)
  );
};
