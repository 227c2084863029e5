/**
 * What a native engine is built from, pinned: the binding's source in the npm package, the headers of Node's C interface, and
 * TensorFlow's libraries in its Python wheels. One wheel tag for each architecture, whatever Python fetches it.
 */

export type NativeKind = 'cpu' | 'gpu';

export const TFJS_NODE = '4.22.0';
export const TENSORFLOW = '2.21.0';

/** An npm tarball and its published integrity. */
export interface NpmPin {
  readonly spec: string;
  readonly file: string;
  readonly sha512: string;
}

/** A wheel: its requirement, and its SHA-256. */
export interface WheelPin {
  readonly requirement: string;
  readonly sha256: string;
}

export interface Build {
  readonly wheels: readonly WheelPin[];
  /** pip's tags of the platform. */
  readonly platforms: readonly string[];
  /** Of the wheels. */
  readonly downloadBytes: number;
  /** At the peak of an installation, wheels and all; and when it is done. */
  readonly spaceBytes: number;
  /** The least glibc that its libraries run on. */
  readonly glibc: string;
}

export const BINDING: NpmPin = {
  spec: `@tensorflow/tfjs-node@${TFJS_NODE}`,
  file: `tensorflow-tfjs-node-${TFJS_NODE}.tgz`,
  sha512: 'uHrXeUlfgkMxTZqHkESSV7zSdKdV0LlsBeblqkuKU9nnfxB1pC6DtoyYVaLxznzZy7WQSegjcohxxCjAf6Dc7w==',
};

export const NODE_HEADERS: NpmPin = {
  spec: 'node-api-headers@1.9.0',
  file: 'node-api-headers-1.9.0.tgz',
  sha512: '2oNILP4jXwRB4ywnYKjVk1YyJ96n2D4EOVJO6S3oYZ5PtbJrw3Yt9TpAuX3nBLMuzn74rnfGQrv13pS9vC+YiA==',
};

const cuda: readonly WheelPin[] = [
  { requirement: 'nvidia-cublas-cu12==12.9.3.13', sha256: 'd7d51055f161b317c7105ddaae90e71eda059026074ffef93cf7cde2886bfe72' },
  { requirement: 'nvidia-cuda-cupti-cu12==12.8.90', sha256: 'ea0cb07ebda26bb9b29ba82cda34849e73c166c18162d3913575b0c9db9a6182' },
  { requirement: 'nvidia-cuda-nvcc-cu12==12.9.86', sha256: '5d6a0d32fdc7ea39917c20065614ae93add6f577d840233237ff08e9a38f58f0' },
  { requirement: 'nvidia-cuda-nvrtc-cu12==12.9.86', sha256: '210cf05005a447e29214e9ce50851e83fc5f4358df8b453155d5e1918094dcb4' },
  { requirement: 'nvidia-cuda-runtime-cu12==12.9.79', sha256: '25bba2dfb01d48a9b59ca474a1ac43c6ebf7011f1b0b8cc44f54eb6ac48a96c3' },
  { requirement: 'nvidia-cudnn-cu12==9.28.0.42', sha256: '9ff58b7f36dacd0a93e89f8f2957b52466889217963701daa15e577317cfa375' },
  { requirement: 'nvidia-cufft-cu12==11.4.1.4', sha256: 'c67884f2a7d276b4b80eb56a79322a95df592ae5e765cf1243693365ccab4e28' },
  { requirement: 'nvidia-curand-cu12==10.3.10.19', sha256: '49b274db4780d421bd2ccd362e1415c13887c53c214f0d4b761752b8f9f6aa1e' },
  { requirement: 'nvidia-cusolver-cu12==11.7.5.82', sha256: '15da72d1340d29b5b3cf3fd100e3cd53421dde36002eda6ed93811af63c40d88' },
  { requirement: 'nvidia-cusparse-cu12==12.5.10.65', sha256: '73060ce019ac064a057267c585bf1fd5a353734151f87472ff02b2c5c9984e78' },
  { requirement: 'nvidia-nccl-cu12==2.32.3', sha256: 'bb94b2348e4861d5e8aa00b36c3d12d9bdf9c6369b82cbb723de0b582280a21c' },
  { requirement: 'nvidia-nvjitlink-cu12==12.9.86', sha256: 'e3f1171dbdc83c5932a45f0f4c99180a70de9bd2718c1ab77d14104f6d7147f9' },
];

const GB = 1e9;

/** The builds there are, by `process.platform`, `process.arch` and kind. TensorFlow publishes no GPU wheel for arm64. */
export const BUILDS: Readonly<Record<string, Build>> = Object.freeze({
  'linux-x64-cpu': {
    wheels: [
      {
        requirement: `tensorflow-cpu==${TENSORFLOW}`,
        sha256: '2b847d217b02ee7731ed91431daf3250daa0196c3c94614d23be27232e6e5b6c',
      },
    ],
    platforms: ['manylinux_2_27_x86_64'],
    downloadBytes: 273829956,
    spaceBytes: 1.6 * GB,
    glibc: '2.27',
  },
  'linux-arm64-cpu': {
    wheels: [{ requirement: `tensorflow==${TENSORFLOW}`, sha256: '4b24aca16d527a3cf1c37f720c04c484c3d20f4d0fdfa98632ac8b9f3be6eb5c' }],
    platforms: ['manylinux_2_27_aarch64'],
    downloadBytes: 281828020,
    spaceBytes: 1.6 * GB,
    glibc: '2.27',
  },
  'linux-x64-gpu': {
    wheels: [
      { requirement: `tensorflow==${TENSORFLOW}`, sha256: '9056fbc9ba04235810b71ae6cbd958a196e8804fb53bbcffbf3e23b56155f124' },
      ...cuda,
    ],
    platforms: ['manylinux_2_27_x86_64', 'manylinux_2_17_x86_64', 'manylinux2014_x86_64', 'manylinux_2_12_x86_64', 'manylinux2010_x86_64'],
    downloadBytes: 3379082848,
    spaceBytes: 10 * GB,
    glibc: '2.27',
  },
});

/** What of the archives is kept; nothing else is written. */
export const KEPT = {
  wheel: [
    'tensorflow/libtensorflow_(cc|framework)\\.so\\.2',
    'tensorflow/include/tensorflow/c/[^/]+\\.h',
    'tensorflow/include/tensorflow/c/eager/[^/]+\\.h',
    'tensorflow/include/tensorflow/core/platform/ctstring(_internal)?\\.h',
    'tensorflow/include/tsl/platform/ctstring(_internal)?\\.h',
    'tensorflow/include/xla/tsl/c/[^/]+\\.h',
    'nvidia/[^/]+/(bin|lib|nvvm)/.+',
  ],
  binding: ['package/package\\.json', 'package/binding/[^/]+\\.(cc|h)', 'package/dist/(?!.*_test\\.js).+\\.js'],
  headers: ['package/include/[^/]+\\.h'],
} as const;
