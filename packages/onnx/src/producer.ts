/** The version of this package, written into every file; a test holds it against package.json. */
export const PRODUCER_VERSION = '0.1.0';
