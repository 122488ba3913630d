/// <reference lib="esnext.disposable" />
/**
 * Write a plugin for Assay in JavaScript or TypeScript.
 *
 * Pictures and tensors are handles: the pixels stay with the host. Each is released by `close()`, by `using`, or at the
 * end of the call at the latest; after that every use throws. Nothing that belongs to a frame outlives its call.
 */

/** Further values under keys of lower-case words with hyphens; values are written with `String`. */
export type Attributes = Record<string, unknown>;
export type PixelFormat = 'gray8' | 'rgb8' | 'bgr8' | 'rgba8' | 'gray16';
/** `box` averages areas when it shrinks: no aliasing, cheap. */
export type ResizeFilter = 'nearest' | 'box' | 'bilinear' | 'catmull-rom' | 'lanczos3';
/** Batch, channel, row, column; or batch, row, column, channel. */
export type TensorLayout = 'nchw' | 'nhwc';
export type ElementType = 'fp32' | 'uint8';
export type TensorType = 'fp16' | 'fp32' | 'fp64' | 'bf16' | 'u8' | 'i32' | 'i64';
export type Level = 'debug' | 'info' | 'warn' | 'error';

/** A plugin gives no answer. The frame becomes `undecided`; the station shows the text: say what was found, what is
 * expected, and what to change. Any other exception becomes one of these, with its type, its text and its place. */
export declare class PluginError extends Error {}
/** The picture or a tensor is not what this plugin works on. */
export declare class UnsupportedInput extends PluginError {}
/** A setting is missing or out of its range. */
export declare class BadSetting extends PluginError {
  static of(key: string, expected: string, found: unknown): BadSetting;
}
/** A model gave no answer: a tensor that does not fit, the deadline, the device. Its text has the host's code and data. */
export declare class InferenceError extends PluginError {}

/** What is known of a frame but its pixels. */
export interface Frame {
  readonly station: string;
  /** Counts the starts of the station, from 1. */
  readonly boot: number;
  /** Counts the frames since that start, from 1. */
  readonly trigger: number;
  /** Microseconds since 1970-01-01 UTC. */
  readonly capturedAtUs: number;
  /** The source's name in the station's configuration. */
  readonly source: string;
  readonly product?: string;
  readonly serial?: string;
  readonly attributes: Record<string, string>;
}

/** A rectangle in pixels, top-left origin. */
export interface Region {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** What a detector says about a frame. */
export interface Finding {
  /** A short word, the same for the same thing: `too-dark`. Recipes know it by this word. */
  label: string;
  /** Brought into [0, 1]; one that is no number becomes 1, so that a broken measurement is seen. */
  score: number;
  /** True asks for the recipe's consequence; otherwise it is only shown. */
  raised?: boolean;
  /** Inside the picture; anything else is a bad answer. */
  region?: Region;
  /** For a person, at most a line. */
  text?: string;
  attributes?: Attributes;
}

export interface ImageInfo {
  /** Pixels. */
  readonly width: number;
  readonly height: number;
  readonly format: PixelFormat;
}

/** How pixels become numbers: `(pixel - mean) / scale`, channel by channel, pixels in 0..255 (16-bit: 0..65535). */
export interface TensorSpec {
  /** `nchw` where nothing is said. */
  layout?: TensorLayout;
  /** `fp32` where nothing is said; `uint8` takes pixels as they are. */
  element?: ElementType;
  /** One value for all channels, or one per channel; 0 where nothing is said. */
  mean?: number | ArrayLike<number>;
  /** As `mean`, none may be 0; 1 where nothing is said. */
  scale?: number | ArrayLike<number>;
}

/** Statistics of luma, Y = (77 R + 150 G + 29 B + 128) >> 8 for colour, the value itself for grey (16-bit grey is
 * divided by 257 first). */
export interface Statistics {
  /** Mean luma, 0 to 255. */
  readonly mean: number;
  /** Population standard deviation of luma. */
  readonly sd: number;
  /** Sharpness: population variance of the 4-neighbour Laplacian over interior pixels; 0 under 3 pixels a side. */
  readonly laplacianVariance: number;
  /** Share of pixels with luma <= 4, 0 to 1. */
  readonly darkShare: number;
  /** Share of pixels with luma >= 251, 0 to 1. */
  readonly brightShare: number;
  /** Mean of each channel in the order of the format. */
  readonly channelMeans: number[];
}

interface Handle extends Disposable {
  /** Releases what the host holds, and frees its share of the plugin's limits. */
  close(): void;
}

/**
 * A picture that the host holds. Every operation is done by the host, natively, and gives a new picture, which counts
 * against the plugin's `host_bytes` until it is released.
 *
 * Every operation throws `UnsupportedInput` where a region, size or format cannot be used, and `PluginError` where a
 * limit would be passed.
 */
export declare class Image implements Handle {
  private constructor();
  /** A picture from packed pixels, top row first. */
  static fromPixels(width: number, height: number, format: PixelFormat, pixels: ArrayLike<number>): Image;
  /** A picture of one colour; `value` holds one byte per channel. */
  static filled(width: number, height: number, format: PixelFormat, value: ArrayLike<number>): Image;
  /** One tensor from pictures of one size and format: `[N, C, H, W]` or `[N, H, W, C]`, in their order. */
  static batchToTensor(images: Image[], spec: TensorSpec): Tensor;
  /** Width, height and format by one call of the host. */
  readonly info: ImageInfo;
  readonly width: number;
  readonly height: number;
  readonly format: PixelFormat;
  /** The pixels of a region, packed. */
  readRegion(region: Region): Uint8Array;
  /** The pixels of `count` rows from row `first`, packed. */
  readRows(first: number, count: number): Uint8Array;
  /** A part of the picture. */
  crop(region: Region): Image;
  /** The picture in another size; its shape is not kept. `bilinear` where nothing is said. */
  resize(width: number, height: number, filter?: ResizeFilter): Image;
  /** This picture with `top` laid over it, its top-left corner at `x`, `y`. Formats have to be equal. */
  overlay(top: Image, x: number, y: number): Image;
  /** The picture in another format. */
  convert(format: PixelFormat): Image;
  /** Gaussian blur; `sigma` in pixels, 0.1 to 50. */
  gaussianBlur(sigma: number): Image;
  /** Median over a square window of `size` pixels: 3, 5 or 7; edges are mirrored. */
  medianBlur(size: number): Image;
  /** Keeps the upper `bits` (1 to 8) of each byte. */
  reduceBitDepth(bits: number): Image;
  /** Encodes as JPEG and decodes again; `quality` 1 to 100. */
  jpegRoundTrip(quality: number): Image;
  /** 256 counts of luma. */
  histogram(): number[];
  /** Mean and sd of luma, sharpness, dark and bright shares, means of the channels. */
  statistics(): Statistics;
  /** The picture as a tensor of batch size 1: `[1, C, H, W]` or `[1, H, W, C]`. */
  toTensor(spec: TensorSpec): Tensor;
  close(): void;
  [Symbol.dispose](): void;
}

/** What `Tensor.values` gives; the half floats become 32-bit ones. */
export type Values = Float32Array | Float64Array | Uint8Array | Int32Array | BigInt64Array;

/**
 * A tensor that the host holds: row-major, little-endian. Making one from numbers copies them out once, reading copies
 * them in once; handing one on (to a model, to the stages behind) copies nothing, and ends this object.
 */
export declare class Tensor implements Handle {
  private constructor();
  /** Throws `UnsupportedInput` where `values` are not as many as `shape` says; so do the next two. */
  static fromFloat32(shape: ArrayLike<number>, values: ArrayLike<number>): Tensor;
  static fromUint8(shape: ArrayLike<number>, values: ArrayLike<number>): Tensor;
  /** Of any type, from its bytes as they lie in memory. */
  static fromBytes(shape: ArrayLike<number>, type: TensorType, data: Uint8Array): Tensor;
  /** Sides, outermost first; `[1, 3, 224, 224]` for one colour picture in NCHW. */
  readonly shape: number[];
  readonly type: TensorType;
  /** The bytes as they lie in memory. */
  toBytes(): Uint8Array;
  /** The numbers in row-major order, whatever the type. */
  values(): Values;
  /** The numbers of a tensor of 32-bit floats; `UnsupportedInput` where it holds another type. */
  toFloat32(): Float32Array;
  /** One array per item of the outermost side: the answers of a batch. */
  rows(): Values[];
  /** A second tensor with the same numbers: for a model that gets a tensor which is needed again. */
  copy(): Tensor;
  close(): void;
  [Symbol.dispose](): void;
}

/** Tensors by name, in the order in which the host gave them. */
export declare class Tensors implements Iterable<[string, Tensor]> {
  private constructor();
  /** `UnsupportedInput` with the names that are there. */
  get(name: string): Tensor;
  has(name: string): boolean;
  names(): string[];
  readonly size: number;
  [Symbol.iterator](): IterableIterator<[string, Tensor]>;
}

/**
 * A model that the recipe grants: the manifest asks for `inference:NAME`. The host has loaded and warmed it up before.
 * Making one asks nothing of the host, so it may be made once and used for many frames.
 */
export declare class Model {
  constructor(name: string);
  readonly name: string;
  /** Runs the model: tensors by the names of its inputs, answers by the names of its outputs. The input tensors belong
   * to the host after that. Throws `InferenceError`. */
  compute(inputs: Record<string, Tensor>): Tensors;
}

/** The frame as the stages before left it. */
export interface Evidence {
  /** The frame's picture, after the preprocessors. */
  readonly picture: Image;
  /** What the preprocessors gave. */
  readonly inputs: Tensors;
  /** What the model gave. */
  readonly outputs: Tensors;
  readonly attributes: Record<string, string>;
}

export interface Detection {
  findings?: Finding[];
  /** Pictures for a person to look at, by name. */
  images?: Record<string, Image>;
  attributes?: Attributes;
}

/** Frame, tensors and model outputs -> findings. The constructor takes no arguments; it reads the settings, before the
 * first frame of an instance. */
export interface Detector {
  detect(frame: Frame, evidence: Evidence): Detection;
}

export interface Prepared {
  /** Inputs of the model by name; the detectors see them too. */
  tensors?: Record<string, Tensor>;
  /** Takes the frame's place for the stages behind this one. */
  picture?: Image;
  /** Pictures for a person to look at, by name. */
  images?: Record<string, Image>;
  attributes?: Attributes;
}

/** Frame -> named tensors. The constructor takes no arguments. */
export interface Preprocessor {
  preprocess(frame: Frame, picture: Image): Prepared;
}

/** A judged frame. */
export interface Inspection {
  readonly picture: Image;
  /** `pass`, `fail` or `undecided`. */
  readonly verdict: string;
  /** The top label, where the model answered. */
  readonly label?: string;
  /** In the order of the model's labels, each in [0, 1]; empty where the model did not answer. */
  readonly probabilities: Float32Array;
  /** Of all detectors. */
  readonly findings: Finding[];
  /** What the model gave. */
  readonly outputs: Tensors;
  readonly attributes: Record<string, string>;
}

/** One measure of one feature. */
export interface Report {
  /** What was watched: `brightness`. */
  feature: string;
  /** How: `psi`. */
  statistic: string;
  value: number;
  /** At and above it the value counts as drift. */
  threshold: number;
  drifted: boolean;
  /** Frames that the value speaks of. */
  window: number;
  attributes?: Attributes;
}

/** Only what is new: a report whose window is not full yet is left out. */
export interface Observation {
  reports?: Report[];
  attributes?: Attributes;
}

/** Sees every inspection after its verdict. What it has to remember goes into `state`: the instance itself may be a
 * fresh one for every frame. The constructor takes no arguments. */
export interface Monitor {
  observe(frame: Frame, inspection: Inspection): Observation;
}

/** `export const detect = detector(Plugin);` */
export declare function detector(plugin: new () => Detector): object;
/** `export const preprocess = preprocessor(Plugin);` */
export declare function preprocessor(plugin: new () => Preprocessor): object;
/** `export const observe = monitor(Plugin);` */
export declare function monitor(plugin: new () => Monitor): object;

/**
 * Brings a picture to the size that a model takes, with its shape kept: as every other plugin does that needs the
 * picture as the model saw it. Settings: `width`, `height` (224), `mean` (127), `scale` (128), `pad` (127), `filter`
 * (`bilinear`), `input` (`input`).
 */
export declare class Letterbox {
  constructor(options?: Partial<Omit<Letterbox, 'fit' | 'spec'>> & { mean?: number[]; scale?: number[] });
  static fromSettings(): Letterbox;
  readonly width: number;
  readonly height: number;
  readonly pad: number[];
  readonly filter: ResizeFilter;
  readonly input: string;
  readonly spec: TensorSpec;
  /** Three channels, resized, padded. The same object where it fits already. */
  fit(picture: Image): Image;
}
/** The largest size of a shape inside another, centred; an odd pixel of border goes to the right and to the bottom. */
export declare function place(width: number, height: number, insideWidth: number, insideHeight: number): Region;
/** Probabilities of logits; undefined for no logits, one that is not finite, or a temperature that is not above 0. */
export declare function softmax(logits: ArrayLike<number>, temperature?: number): number[] | undefined;
/** Sum of the absolute differences: 0 to 2 for two lists of probabilities. */
export declare function l1Distance(a: ArrayLike<number>, b: ArrayLike<number>): number;

/** Lines for the station's log. Needs the capability `log`; `console` goes there too. */
export declare namespace log {
  function write(level: Level, message: string): void;
  function debug(message: string): void;
  function info(message: string): void;
  function warn(message: string): void;
  function error(message: string): void;
}

/** The plugin's own settings: the manifest's defaults with the recipe's values over them. Needs the capability `config`.
 * Every function throws `BadSetting` with the key, what was expected and what was found; without a `default` the
 * setting has to be there. */
export declare namespace settings {
  /** As the type that it has; undefined where neither manifest nor recipe has it. */
  function get(key: string): unknown;
  /** A finite number from `low` to `high`. */
  function number(key: string, options?: { default?: number; low?: number; high?: number }): number;
  /** A whole number from `low` (0) to `high`. */
  function integer(key: string, options?: { default?: number; low?: number; high?: number }): number;
  function flag(key: string, options?: { default?: boolean }): boolean;
  function text(key: string, options?: { default?: string; choices?: readonly string[] }): string;
  /** One number is a list of one. */
  function numbers(key: string, options?: { default?: readonly number[] }): number[];
  function texts(key: string, options?: { default?: readonly string[] }): string[];
  /** What the setting's JSON text says. */
  function json(key: string): unknown;
  /** Labels of the recipe's model, in the order of its outputs. */
  function labels(): string[];
}

/** How each feature lay while the model was made. Needs the capability `config`; `BadSetting` where it is missing. */
export declare namespace reference {
  /** SHA-256 as 64 hexadecimal digits: the same digest, the same reference. */
  function digest(): string;
  /** All of it as JSON text. */
  function text(): string;
  /** One value by its path: `features/brightness/mean`; undefined for none. */
  function value(path: string): unknown;
  /** `number('mean')`, `numbers('bins/edges')`. */
  function feature(name: string): { readonly name: string; number(key: string): number; numbers(path: string): number[] };
}

/** What a monitor remembers. The host keeps it over recycled instances and restarts; it changes only where the call
 * succeeds. Needs the capability `state`; `PluginError` where the limit `state_bytes` would be passed. */
export declare namespace state {
  function get(key: string): Uint8Array | undefined;
  function set(key: string, value: Uint8Array): void;
  function remove(key: string): void;
  /** What was kept by `setJson`; `otherwise` where there is nothing, or bytes that are no JSON. */
  function getJson<T>(key: string, otherwise: T): T;
  function setJson(key: string, value: unknown): void;
  function getNumbers(key: string): Float64Array | undefined;
  function setNumbers(key: string, values: ArrayLike<number>): void;
}
