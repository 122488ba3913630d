// Makes the model's input: the picture in the model's size, with its shape kept.
package main

import (
	"assay"
	"assay/letterbox"
	"assay/preprocessor"
)

type plugin struct{ box *letterbox.Letterbox }

// Size, normalisation and border come from the settings; see plugin.toml.
func open() (assay.Preprocessor, error) {
	box, err := letterbox.FromSettings()
	return &plugin{box}, err
}

func (p *plugin) Preprocess(frame assay.Frame, picture *assay.Image) (assay.Prepared, error) {
	fitted, err := p.box.Fit(picture)
	if err != nil {
		return assay.Prepared{}, err
	}
	tensor, err := fitted.Tensor(p.box.Spec) // f32, [1, 3, height, width], filled by the host
	return assay.Prepared{
		Tensors: assay.Tensors{{Name: p.box.Input, Tensor: tensor}},
		Images:  []assay.NamedImage{{Name: "model-input", Image: fitted}},
	}, err
}

func init() { preprocessor.Export(open) }
func main() {}
