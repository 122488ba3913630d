"""Makes the model's input: the picture in the model's size, with its shape kept."""

from assay import Frame, Image, Letterbox, Prepared, Preprocessor, export


@export
class Plugin(Preprocessor):
    def __init__(self) -> None:
        # Size, normalisation and border come from the settings; see plugin.toml.
        self.letterbox = Letterbox.from_settings()

    def preprocess(self, frame: Frame, picture: Image) -> Prepared:
        fitted = self.letterbox.fit(picture)
        tensor = fitted.to_tensor(self.letterbox.spec)  # f32, [1, 3, height, width], filled by the host
        return Prepared({self.letterbox.input: tensor}, images={"model-input": fitted})
