// A grey picture as numbers, made by the host or by the plugin.

import { preprocessor, settings, Tensor } from 'assay';

const MEAN = 16;
const SCALE = 128;

class Plugin {
  work = settings.text('work', { default: 'nothing' });

  preprocess(frame, picture) {
    if (this.work === 'handle') {
      return { tensors: { input: picture.toTensor({ mean: [MEAN], scale: [SCALE] }) } };
    }
    if (this.work === 'guest') {
      const { width, height } = picture;
      const pixels = picture.readRows(0, height);
      const numbers = new Float32Array(pixels.length);
      for (let at = 0; at < pixels.length; at += 1) numbers[at] = (pixels[at] - MEAN) / SCALE;
      return { tensors: { input: Tensor.fromFloat32([1, 1, height, width], numbers) } };
    }
    return {};
  }
}

export const preprocess = preprocessor(Plugin);
