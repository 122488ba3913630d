// Does what its setting "case" says; what each case has to give stands in cases.json.
package main

import (
	"assay"
	"assay/preprocessor"
	"assay/settings"
)

type plugin struct{ wanted string }

func open() (assay.Preprocessor, error) {
	read := settings.Read()
	wanted := read.Text("case")
	return &plugin{wanted}, read.Err()
}

func tensors(picture *assay.Image) (assay.Prepared, error) {
	spec := assay.TensorSpec{Layout: assay.NHWC, Mean: []float32{10, 20, 30}, Scale: []float32{2, 4, 8}}
	pixels, err := picture.Tensor(spec)
	if err != nil {
		return assay.Prepared{}, err
	}
	numbers, err := assay.TensorFromFloat32([]uint32{1, 4}, []float32{1, 2.5, -3, 0.5})
	if err != nil {
		return assay.Prepared{}, err
	}
	bytes, err := assay.TensorFromUint8([]uint32{3}, []byte{1, 2, 3})
	made := assay.Tensors{
		{Name: "pixels", Tensor: pixels}, {Name: "numbers", Tensor: numbers}, {Name: "bytes", Tensor: bytes},
	}
	return assay.Prepared{Tensors: made}, err
}

func images(picture *assay.Image) (assay.Prepared, error) {
	grey, err := picture.Convert(assay.Gray8)
	if err != nil {
		return assay.Prepared{}, err
	}
	filled, err := assay.Filled(3, 2, assay.RGB8, 10, 20, 30)
	return assay.Prepared{Images: []assay.NamedImage{{Name: "grey", Image: grey}, {Name: "filled", Image: filled}}}, err
}

func (p *plugin) Preprocess(frame assay.Frame, picture *assay.Image) (assay.Prepared, error) {
	switch p.wanted {
	case "tensors":
		return tensors(picture)
	case "replace-picture":
		part, err := picture.Crop(assay.Region{X: 2, Y: 3, Width: 8, Height: 6})
		return assay.Prepared{Picture: part, Attributes: []assay.Attribute{assay.Attr("replaced", "yes")}}, err
	case "images":
		return images(picture)
	case "unsupported-input":
		return assay.Prepared{}, assay.UnsupportedInput("no part in sight")
	case "wrong-count":
		wrong, err := assay.TensorFromFloat32([]uint32{2, 2}, []float32{1, 2, 3})
		return assay.Prepared{Tensors: assay.Tensors{{Name: "wrong", Tensor: wrong}}}, err
	}
	return assay.Prepared{}, assay.BadSetting("case", "a case", p.wanted)
}

func init() { preprocessor.Export(open) }
func main() {}
