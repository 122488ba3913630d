// Pictures as handles: the pixels stay with the host, and so does the work on them.

import { Image as Raw, batchToTensor } from 'assay:plugin/imaging@0.1.0';
import { Handle } from './call.js';
import { UnsupportedInput, host } from './errors.js';
import { region, u32 } from './data.js';
import { Tensor } from './tensor.js';

const FORMATS = ['gray8', 'rgb8', 'bgr8', 'rgba8', 'gray16'];
const FILTERS = ['nearest', 'box', 'bilinear', 'catmull-rom', 'lanczos3'];
const LAYOUTS = ['nchw', 'nhwc'];
const ELEMENTS = ['fp32', 'uint8'];

export class Image extends Handle {
  static fromPixels(width, height, format, pixels) {
    const sides = [u32(width, 'width'), u32(height, 'height')];
    return new Image(host(() => Raw.fromPixels(...sides, oneOf(FORMATS, format, 'format'), bytes(pixels))));
  }

  static filled(width, height, format, value) {
    const sides = [u32(width, 'width'), u32(height, 'height')];
    return new Image(host(() => Raw.filled(...sides, oneOf(FORMATS, format, 'format'), bytes(value))));
  }

  static batchToTensor(images, spec) {
    const raw = images.map((image) => image._live);
    return new Tensor(host(() => batchToTensor(raw, specToWit(spec))));
  }

  get info() {
    return this._live.info();
  }

  get width() {
    return this.info.width;
  }

  get height() {
    return this.info.height;
  }

  get format() {
    return this.info.format;
  }

  readRegion(where) {
    return host(() => this._live.readRegion(region(where)));
  }

  readRows(first, count) {
    return host(() => this._live.readRows(u32(first, 'first'), u32(count, 'count')));
  }

  crop(where) {
    return new Image(host(() => this._live.crop(region(where))));
  }

  resize(width, height, filter = 'bilinear') {
    const sides = [u32(width, 'width'), u32(height, 'height')];
    return new Image(host(() => this._live.resize(...sides, oneOf(FILTERS, filter, 'filter'))));
  }

  overlay(top, x, y) {
    return new Image(host(() => this._live.overlay(top._live, u32(x, 'x'), u32(y, 'y'))));
  }

  convert(format) {
    return new Image(host(() => this._live.convert(oneOf(FORMATS, format, 'format'))));
  }

  gaussianBlur(sigma) {
    return new Image(host(() => this._live.gaussianBlur(Number(sigma))));
  }

  medianBlur(size) {
    return new Image(host(() => this._live.medianBlur(u32(size, 'size'))));
  }

  reduceBitDepth(bits) {
    return new Image(host(() => this._live.reduceBitDepth(u32(bits, 'bits'))));
  }

  jpegRoundTrip(quality) {
    return new Image(host(() => this._live.jpegRoundTrip(u32(quality, 'quality'))));
  }

  histogram() {
    return Array.from(this._live.histogram(), Number);
  }

  statistics() {
    const raw = this._live.statistics();
    return { ...raw, channelMeans: Array.from(raw.channelMeans) };
  }

  toTensor(spec) {
    return new Tensor(host(() => this._live.toTensor(specToWit(spec))));
  }
}

export function filters() {
  return [...FILTERS];
}

function specToWit({ layout = 'nchw', element = 'fp32', mean = [0], scale = [1] }) {
  const numbers = (value) => Float32Array.from(typeof value === 'number' ? [value] : value);
  return {
    layout: oneOf(LAYOUTS, layout, 'layout'),
    element: oneOf(ELEMENTS, element, 'element'),
    mean: numbers(mean),
    scale: numbers(scale),
  };
}

function oneOf(names, value, what) {
  if (!names.includes(value)) throw new UnsupportedInput(`${what}: ${value} is none of ${names.join(', ')}`);
  return value;
}

function bytes(values) {
  return values instanceof Uint8Array ? values : Uint8Array.from(values);
}
