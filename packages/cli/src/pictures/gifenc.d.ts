/** What we use of gifenc, which has no types of its own. */
declare module 'gifenc' {
  export type Palette = readonly (readonly [red: number, green: number, blue: number])[];
  interface Gifenc {
    GIFEncoder(): {
      writeFrame(
        index: Uint8Array,
        width: number,
        height: number,
        options: { readonly palette?: Palette; readonly delay: number; readonly repeat?: number },
      ): void;
      finish(): void;
      bytes(): Uint8Array;
    };
    quantize(rgba: Uint8Array, colours: number): Palette;
    applyPalette(rgba: Uint8Array, palette: Palette): Uint8Array;
  }
  const gifenc: Gifenc;
  export default gifenc;
}
