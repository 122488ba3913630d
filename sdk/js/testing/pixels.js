// Pictures and tensors as the host keeps them, in plain JavaScript: slow, and exact.

const CHANNELS = { gray8: 1, rgb8: 3, bgr8: 3, rgba8: 4, gray16: 1 };
const SIZE = { gray8: 1, rgb8: 3, bgr8: 3, rgba8: 4, gray16: 2 };
const dispose = Symbol.dispose ?? Symbol.for('dispose');

// Everything that is held: a plugin has to give all of it back.
export const live = new Set();

export class Held {
  constructor() {
    live.add(this);
  }

  [dispose]() {
    if (!live.delete(this)) throw new Error(`${this.constructor.name} was released twice, or used after that`);
  }
}

// As the bindings throw it.
export function failure(payload) {
  return Object.assign(new Error('see payload'), { payload });
}

const bad = (val) => failure({ tag: 'invalid-argument', val });

export class Tensor extends Held {
  #dimensions;
  #ty;
  #data;

  constructor(dimensions, ty, data) {
    super();
    this.#dimensions = Uint32Array.from(dimensions);
    this.#ty = ty;
    this.#data = Uint8Array.from(data);
  }

  dimensions() {
    return this.#dimensions;
  }

  ty() {
    return this.#ty;
  }

  data() {
    return this.#data.slice();
  }
}

export class Image extends Held {
  static fromPixels(width, height, format, pixels) {
    const expected = width * height * SIZE[format];
    if (!expected || pixels.length !== expected) {
      throw bad(`${width}x${height} ${format} needs ${expected} bytes, found ${pixels.length}`);
    }
    return new Image(width, height, format, Uint8Array.from(pixels));
  }

  static filled(width, height, format, value) {
    const pixels = new Uint8Array(width * height * value.length).map((_, at) => value[at % value.length]);
    return Image.fromPixels(width, height, format, pixels);
  }

  constructor(width, height, format, pixels) {
    super();
    Object.assign(this, { w: width, h: height, kind: format, pixels });
  }

  info() {
    return { width: this.w, height: this.h, format: this.kind };
  }

  readRegion({ x, y, width, height }) {
    if (!width || !height || x + width > this.w || y + height > this.h) throw bad('the region is not inside');
    const size = SIZE[this.kind];
    const out = new Uint8Array(width * height * size);
    for (let row = 0; row < height; row += 1) {
      const start = ((y + row) * this.w + x) * size;
      out.set(this.pixels.subarray(start, start + width * size), row * width * size);
    }
    return out;
  }

  readRows(first, count) {
    return this.readRegion({ x: 0, y: first, width: this.w, height: count });
  }

  crop(region) {
    return new Image(region.width, region.height, this.kind, this.readRegion(region));
  }

  resize(width, height, filter) {
    if (filter !== 'nearest' || !width || !height) throw new Error('the host of tests resizes by `nearest` alone');
    const size = SIZE[this.kind];
    const out = new Uint8Array(width * height * size);
    const near = (at, to, from) => Math.min(Math.floor(((at + 0.5) * from) / to), from - 1);
    for (let at = 0; at < width * height; at += 1) {
      const y = near(Math.floor(at / width), height, this.h);
      const start = (y * this.w + near(at % width, width, this.w)) * size;
      out.set(this.pixels.subarray(start, start + size), at * size);
    }
    return new Image(width, height, this.kind, out);
  }

  overlay(top, x, y) {
    if (top.kind !== this.kind || x + top.w > this.w || y + top.h > this.h) {
      throw bad('overlay: formats have to be equal, and the upper picture inside');
    }
    const [size, out] = [SIZE[this.kind], this.pixels.slice()];
    for (let row = 0; row < top.h; row += 1) {
      out.set(top.pixels.subarray(row * top.w * size, (row + 1) * top.w * size), ((y + row) * this.w + x) * size);
    }
    return new Image(this.w, this.h, this.kind, out);
  }

  convert(format) {
    const make = {
      gray8: (r, g, b) => [luma(r, g, b)],
      rgb8: (r, g, b) => [r, g, b],
      bgr8: (r, g, b) => [b, g, r],
      rgba8: (r, g, b) => [r, g, b, 255],
      gray16: (r, g, b) => [luma(r, g, b), luma(r, g, b)],
    }[format];
    const pixels = this.#all((at) => make(...this.#rgb(at))).flat();
    return new Image(this.w, this.h, format, format === this.kind ? this.pixels.slice() : Uint8Array.from(pixels));
  }

  #all(work) {
    return Array.from({ length: this.w * this.h }, (_, at) => work(at));
  }

  #rgb(at) {
    const size = SIZE[this.kind];
    const pixel = this.pixels.subarray(at * size, (at + 1) * size);
    if (this.kind === 'gray16') return Array(3).fill(Math.round((pixel[0] + 256 * pixel[1]) / 257));
    if (this.kind === 'gray8') return Array(3).fill(pixel[0]);
    return this.kind === 'bgr8' ? [pixel[2], pixel[1], pixel[0]] : [...pixel.subarray(0, 3)];
  }

  reduceBitDepth(bits) {
    if (bits < 1 || bits > 8 || this.kind === 'gray16') throw bad(`${bits} bits; 1 to 8 of one byte per channel`);
    const most = 2 ** bits - 1;
    const reduced = this.pixels.map((v) => Math.round((Math.round((v * most) / 255) * 255) / most));
    return new Image(this.w, this.h, this.kind, reduced);
  }

  gaussianBlur() {
    throw new Error('gaussianBlur is the host\'s: replace it in the test');
  }

  medianBlur() {
    throw new Error('medianBlur is the host\'s: replace it in the test');
  }

  jpegRoundTrip() {
    throw new Error('jpegRoundTrip is the host\'s: replace it in the test');
  }

  luma() {
    return this.#all((at) => (this.kind.startsWith('gray') ? this.#rgb(at)[0] : luma(...this.#rgb(at))));
  }

  histogram() {
    const counts = new BigUint64Array(256);
    for (const value of this.luma()) counts[value] += 1n;
    return counts;
  }

  statistics() {
    const [values, width, height] = [this.luma(), this.w, this.h];
    const inner = (at) => at % width > 0 && at % width < width - 1 && at >= width && at < width * (height - 1);
    const edge = (at) => values[at - 1] + values[at + 1] + values[at - width] + values[at + width] - 4 * values[at];
    const edges = [...values.keys()].filter(inner).map(edge);
    const share = (test) => values.filter(test).length / values.length;
    const channels = CHANNELS[this.kind];
    const sums = new Float64Array(channels);
    this.numbers().forEach((value, at) => { sums[at % channels] += value; });
    const { mean, variance } = moments(values);
    return {
      mean,
      sd: Math.sqrt(variance),
      laplacianVariance: moments(edges).variance,
      darkShare: share((value) => value <= 4),
      brightShare: share((value) => value >= 251),
      channelMeans: sums.map((sum) => sum / values.length),
    };
  }

  numbers() {
    if (this.kind !== 'gray16') return this.pixels;
    return Array.from({ length: this.w * this.h }, (_, at) => this.pixels[2 * at] + 256 * this.pixels[2 * at + 1]);
  }

  toTensor(spec) {
    return batchToTensor([this], spec);
  }
}

export function batchToTensor(images, { layout, element, mean, scale }) {
  const { w, h, kind } = images[0] ?? { w: 0, h: 0 };
  if (images.length === 0 || images.some((one) => one.w !== w || one.h !== h || one.kind !== kind)) {
    throw bad('a batch has pictures of one size and format, at least one');
  }
  const [channels, area] = [CHANNELS[kind], w * h];
  const out = element === 'fp32' ? new Float32Array(images.length * channels * area) : new Uint8Array(images.length * channels * area);
  images.forEach((image, n) => image.numbers().forEach((value, at) => {
    const channel = at % channels;
    const to = layout === 'nchw' ? channel * area + Math.floor(at / channels) : at;
    const of = (numbers) => numbers[numbers.length === 1 ? 0 : channel];
    out[n * channels * area + to] = element === 'fp32' ? (value - of(mean)) / of(scale) : value;
  }));
  const sides = layout === 'nchw' ? [images.length, channels, h, w] : [images.length, h, w, channels];
  return new Tensor(sides, element === 'fp32' ? 'FP32' : 'U8', new Uint8Array(out.buffer));
}

function luma(red, green, blue) {
  return (77 * red + 150 * green + 29 * blue + 128) >> 8;
}

function moments(values) {
  if (values.length === 0) return { mean: 0, variance: 0 };
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  return { mean, variance: values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length };
}
