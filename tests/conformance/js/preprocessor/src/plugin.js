// Does what its setting `case` says; what each case has to give stands in cases.json.

import { BadSetting, Image, Tensor, UnsupportedInput, preprocessor, settings } from 'assay';

function tensors(picture) {
  const pixels = picture.toTensor({ layout: 'nhwc', mean: [10, 20, 30], scale: [2, 4, 8] });
  const numbers = Tensor.fromFloat32([1, 4], [1, 2.5, -3, 0.5]);
  return { tensors: { pixels, numbers, bytes: Tensor.fromUint8([3], [1, 2, 3]) } };
}

function images(picture) {
  return { images: { grey: picture.convert('gray8'), filled: Image.filled(3, 2, 'rgb8', [10, 20, 30]) } };
}

class Plugin {
  wanted = settings.text('case');

  preprocess(frame, picture) {
    switch (this.wanted) {
      case 'tensors':
        return tensors(picture);
      case 'replace-picture':
        return { picture: picture.crop({ x: 2, y: 3, width: 8, height: 6 }), attributes: { replaced: 'yes' } };
      case 'images':
        return images(picture);
      case 'unsupported-input':
        throw new UnsupportedInput('no part in sight');
      case 'wrong-count':
        return { tensors: { wrong: Tensor.fromFloat32([2, 2], [1, 2, 3]) } };
      default:
        throw BadSetting.of('case', 'a case', this.wanted);
    }
  }
}

export const preprocess = preprocessor(Plugin);
