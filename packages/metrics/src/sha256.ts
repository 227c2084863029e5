/** SHA-256 in hexadecimal of bytes, one part after the other, where there is no Node as well. */
export const sha256 = async (...parts: readonly Uint8Array[]): Promise<string> => {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  const digest = await globalThis.crypto.subtle.digest('SHA-256', bytes);
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
};

/** Its first 8 digits: what an extractor's id ends with. */
export const hashOf = async (...parts: readonly Uint8Array[]): Promise<string> => (await sha256(...parts)).slice(0, 8);
