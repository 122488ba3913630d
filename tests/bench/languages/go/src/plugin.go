// A grey picture as numbers, made by the host or by the plugin.
package main

import (
	"assay"
	"assay/preprocessor"
	"assay/settings"
)

const (
	mean  = 16
	scale = 128
)

type plugin struct{ work string }

func open() (assay.Preprocessor, error) {
	read := settings.Read()
	work := read.Text("work", settings.Or("nothing"))
	return &plugin{work}, read.Err()
}

func (p *plugin) Preprocess(frame assay.Frame, picture *assay.Image) (assay.Prepared, error) {
	var input *assay.Tensor
	var err error
	switch p.work {
	case "handle":
		input, err = picture.Tensor(assay.TensorSpec{Mean: []float32{mean}, Scale: []float32{scale}})
	case "guest":
		input, err = byThePlugin(picture)
	default:
		return assay.Prepared{}, nil
	}
	return assay.Prepared{Tensors: assay.Tensors{{Name: "input", Tensor: input}}}, err
}

func byThePlugin(picture *assay.Image) (*assay.Tensor, error) {
	info := picture.Info()
	pixels, err := picture.ReadRows(0, info.Height)
	if err != nil {
		return nil, err
	}
	numbers := make([]float32, len(pixels))
	for at, pixel := range pixels {
		numbers[at] = (float32(pixel) - mean) / scale
	}
	return assay.TensorFromFloat32([]uint32{1, 1, info.Height, info.Width}, numbers)
}

func init() { preprocessor.Export(open) }
func main() {}
