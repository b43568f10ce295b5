import { narrowToBfloat16, narrowToFloat16, widenBfloat16, widenFloat16 } from "./half-precision.js";

/** What values of each dtype are held in; 16-bit floats are widened, booleans are 0 and 1. */
export interface SafetensorsArrays {
  readonly BOOL: Uint8Array;
  readonly U8: Uint8Array;
  readonly I8: Int8Array;
  readonly I16: Int16Array;
  readonly U16: Uint16Array;
  readonly F16: Float32Array;
  readonly BF16: Float32Array;
  readonly I32: Int32Array;
  readonly U32: Uint32Array;
  readonly F32: Float32Array;
  readonly F64: Float64Array;
  readonly I64: BigInt64Array;
  readonly U64: BigUint64Array;
}

/** A type of number, as safetensors files name it. */
export type SafetensorsDtype = keyof SafetensorsArrays;

/** Conversion between the 16 bits in the file and the 32 in memory. */
export interface SixteenBitFormat {
  readonly widen: (bits: Uint16Array, result: Float32Array) => void;
  readonly narrow: (values: Float32Array, bits: Uint16Array) => void;
}

export interface DtypeDefinition<Dtype extends SafetensorsDtype> {
  /** In the file, per value. */
  readonly bytes: number;
  readonly allocate: (length: number) => SafetensorsArrays[Dtype];
  /** Present when memory and file differ. */
  readonly format?: SixteenBitFormat;
}

/** In the order of alignment that the reference library writes backwards. */
export const safetensorsDtypes: { readonly [Dtype in SafetensorsDtype]: DtypeDefinition<Dtype> } = {
  BOOL: { bytes: 1, allocate: (length) => new Uint8Array(length) },
  U8: { bytes: 1, allocate: (length) => new Uint8Array(length) },
  I8: { bytes: 1, allocate: (length) => new Int8Array(length) },
  I16: { bytes: 2, allocate: (length) => new Int16Array(length) },
  U16: { bytes: 2, allocate: (length) => new Uint16Array(length) },
  F16: {
    bytes: 2,
    allocate: (length) => new Float32Array(length),
    format: { widen: widenFloat16, narrow: narrowToFloat16 },
  },
  BF16: {
    bytes: 2,
    allocate: (length) => new Float32Array(length),
    format: { widen: widenBfloat16, narrow: narrowToBfloat16 },
  },
  I32: { bytes: 4, allocate: (length) => new Int32Array(length) },
  U32: { bytes: 4, allocate: (length) => new Uint32Array(length) },
  F32: { bytes: 4, allocate: (length) => new Float32Array(length) },
  F64: { bytes: 8, allocate: (length) => new Float64Array(length) },
  I64: { bytes: 8, allocate: (length) => new BigInt64Array(length) },
  U64: { bytes: 8, allocate: (length) => new BigUint64Array(length) },
};

export const dtypeNames = Object.keys(safetensorsDtypes) as readonly SafetensorsDtype[];

/** A tensor of any dtype, row-major. */
export type SafetensorsTensor = {
  readonly [Dtype in SafetensorsDtype]: {
    readonly dtype: Dtype;
    readonly shape: readonly number[];
    readonly data: SafetensorsArrays[Dtype];
  };
}[SafetensorsDtype];
