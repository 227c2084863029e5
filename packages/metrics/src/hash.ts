/** First 8 hex digits of the SHA-256 of bytes, one part after the other: what an extractor's id ends with. */
export const hashOf = async (...parts: readonly Uint8Array[]): Promise<string> => {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  const digest = await globalThis.crypto.subtle.digest('SHA-256', bytes);
  return [...new Uint8Array(digest, 0, 4)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
};
