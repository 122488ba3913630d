// Makes the model's input: the picture in the model's size, with its shape kept.

import { Letterbox, preprocessor } from 'assay';

class Plugin {
  // Size, normalisation and border come from the settings; see plugin.toml.
  letterbox = Letterbox.fromSettings();

  preprocess(frame, picture) {
    const fitted = this.letterbox.fit(picture);
    const tensor = fitted.toTensor(this.letterbox.spec); // f32, [1, 3, height, width], filled by the host
    return { tensors: { [this.letterbox.input]: tensor }, images: { 'model-input': fitted } };
  }
}

export const preprocess = preprocessor(Plugin);
