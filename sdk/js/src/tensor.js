// Tensors as handles, and as typed arrays.

import { Tensor as Raw } from 'wasi:nn/tensor@0.2.0-rc-2024-10-28';
import { Handle } from './call.js';
import { UnsupportedInput } from './errors.js';
import { u32 } from './data.js';

// Bytes of one element, and the array that `values` gives. The half floats become 32-bit ones.
const TYPES = {
  fp16: [2, (data) => halves(data, halfToNumber)],
  fp32: [4, (data) => new Float32Array(data)],
  fp64: [8, (data) => new Float64Array(data)],
  bf16: [2, (data) => halves(data, brainToNumber)],
  u8: [1, (data) => new Uint8Array(data)],
  i32: [4, (data) => new Int32Array(data)],
  i64: [8, (data) => new BigInt64Array(data)],
};

export class Tensor extends Handle {
  static fromFloat32(shape, values) {
    const numbers = values instanceof Float32Array ? values : Float32Array.from(values);
    return Tensor.fromBytes(shape, 'fp32', new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength));
  }

  static fromUint8(shape, values) {
    return Tensor.fromBytes(shape, 'u8', values instanceof Uint8Array ? values : Uint8Array.from(values));
  }

  static fromBytes(shape, type, data) {
    const sides = Array.from(shape, (side) => u32(side, 'side'));
    const size = TYPES[type]?.[0];
    if (size === undefined) throw new UnsupportedInput(`type: ${type} is none of ${Object.keys(TYPES).join(', ')}`);
    if (sides.reduce((product, side) => product * side, size) !== data.byteLength) {
      throw new UnsupportedInput(
        `a tensor of shape [${sides.join(', ')}] and type ${type} does not hold ${data.byteLength} bytes`,
      );
    }
    return new Tensor(new Raw(Uint32Array.from(sides), type.toUpperCase(), data));
  }

  get shape() {
    return Array.from(this._live.dimensions());
  }

  get type() {
    return this._live.ty().toLowerCase();
  }

  toBytes() {
    return this._live.data();
  }

  values() {
    // A copy that begins at 0: a typed array needs its numbers aligned.
    return TYPES[this.type][1](Uint8Array.from(this.toBytes()).buffer);
  }

  toFloat32() {
    const type = this.type;
    if (type !== 'fp32') throw new UnsupportedInput(`expected a tensor of fp32, found ${type}`);
    return this.values();
  }

  rows() {
    const values = this.values();
    const count = this.shape[0] ?? 1;
    const length = count === 0 ? 0 : values.length / count;
    return Array.from({ length: count }, (_, at) => values.subarray(at * length, (at + 1) * length));
  }

  copy() {
    return Tensor.fromBytes(this.shape, this.type, this.toBytes());
  }
}

export class Tensors {
  #tensors;

  constructor(raw) {
    this.#tensors = new Map(raw.map(([name, handle]) => [name, new Tensor(handle)]));
  }

  get(name) {
    const found = this.#tensors.get(name);
    if (found === undefined) {
      throw new UnsupportedInput(`no tensor ${name}; there are: ${[...this.#tensors.keys()].join(', ') || 'none'}`);
    }
    return found;
  }

  has(name) {
    return this.#tensors.has(name);
  }

  names() {
    return [...this.#tensors.keys()];
  }

  get size() {
    return this.#tensors.size;
  }

  [Symbol.iterator]() {
    return this.#tensors[Symbol.iterator]();
  }
}

function halves(data, toNumber) {
  return Float32Array.from(new Uint16Array(data), toNumber);
}

function brainToNumber(bits) {
  return new Float32Array(Uint32Array.of(bits << 16).buffer)[0];
}

function halfToNumber(bits) {
  const [sign, exponent, fraction] = [bits & 0x8000 ? -1 : 1, (bits >> 10) & 31, bits & 1023];
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
