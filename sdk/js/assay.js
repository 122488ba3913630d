// Write a plugin for Assay in JavaScript or TypeScript: one class, one export. assay.d.ts has the types and the words
// of the documentation; README.md shows how.
//
// The parts stand in src/, one per topic. The bundler leaves out what a plugin does not name, and a component imports
// exactly what is left.

export { PluginError, UnsupportedInput, BadSetting, InferenceError } from './src/errors.js';
export { Image } from './src/image.js';
export { Tensor, Tensors } from './src/tensor.js';
export { Model } from './src/model.js';
export { detector, preprocessor, monitor } from './src/worlds.js';
export { Letterbox, place } from './src/letterbox.js';
export { softmax, l1Distance } from './src/numeric.js';
export * as log from './src/log.js';
export * as settings from './src/settings.js';
export * as reference from './src/reference.js';
export * as state from './src/state.js';
