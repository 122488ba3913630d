// Brings a picture to the size that a model takes, with its shape kept: the same way as every other plugin that needs
// the picture as the model saw it.

import { BadSetting } from './errors.js';
import { Image, filters } from './image.js';
import * as settings from './settings.js';

// Largest side that a model may ask for, in pixels.
const MAX_SIDE = 8192;

export class Letterbox {
  constructor({ width = 224, height = 224, mean = [127], scale = [128], pad = [127, 127, 127], filter = 'bilinear', input = 'input' } = {}) {
    Object.assign(this, { width, height, pad, filter, input, spec: { layout: 'nchw', element: 'fp32', mean, scale } });
  }

  static fromSettings() {
    const scale = channels('scale', 128);
    if (scale.includes(0)) throw BadSetting.of('scale', 'numbers other than 0', '0');
    const side = { default: 224, low: 1, high: MAX_SIDE };
    return new Letterbox({
      width: settings.integer('width', side),
      height: settings.integer('height', side),
      mean: channels('mean', 127),
      scale,
      pad: border(),
      filter: settings.text('filter', { default: 'bilinear', choices: filters() }),
      input: settings.text('input', { default: 'input' }),
    });
  }

  fit(picture) {
    const { width, height, format } = picture.info;
    const colour = format === 'rgb8' ? picture : picture.convert('rgb8');
    if (width === this.width && height === this.height) return colour;
    const at = place(width, height, this.width, this.height);
    const small = colour.resize(at.width, at.height, this.filter);
    if (colour !== picture) colour.close();
    if (at.width === this.width && at.height === this.height) return small;
    const around = Image.filled(this.width, this.height, 'rgb8', this.pad);
    const fitted = around.overlay(small, at.x, at.y);
    small.close();
    around.close();
    return fitted;
  }
}

export function place(width, height, insideWidth, insideHeight) {
  const [w, h] = [Math.max(width, 1), Math.max(height, 1)];
  const factor = Math.min(insideWidth / w, insideHeight / h);
  const scaled = (side, most) => Math.min(Math.max(Math.floor(side * factor + 0.5), 1), most);
  const [newWidth, newHeight] = [scaled(w, insideWidth), scaled(h, insideHeight)];
  const half = (space) => Math.floor(space / 2);
  return { x: half(insideWidth - newWidth), y: half(insideHeight - newHeight), width: newWidth, height: newHeight };
}

function channels(key, otherwise) {
  const values = settings.numbers(key, { default: [otherwise] });
  if (values.length !== 1 && values.length !== 3) throw BadSetting.of(key, '1 number, or 3', `${values.length} numbers`);
  return values;
}

function border() {
  const values = settings.numbers('pad', { default: [127] });
  const good = [1, 3].includes(values.length) && values.every((value) => value >= 0 && value <= 255);
  if (!good) throw BadSetting.of('pad', '1 number, or 3, from 0 to 255', JSON.stringify(values));
  const [red, green = red, blue = red] = values.map(Math.floor);
  return [red, green, blue];
}
