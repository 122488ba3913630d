// Package letterbox brings a picture to the size that a model takes, with its shape kept: the same way as every other plugin
// that needs the picture as the model saw it. Needs the capabilities imaging and config.
package letterbox

import (
	"fmt"
	"math"

	"assay"
	"assay/settings"
)

// Largest side that a model may ask for, in pixels.
const maxSide = 8192

// Letterbox says how a picture becomes a model's input.
type Letterbox struct {
	// Size of the input, pixels.
	Width, Height uint32
	// Red, green and blue of the border.
	Pad    [3]byte
	Filter assay.Filter
	Spec   assay.TensorSpec
	// Name of the model's input.
	Input string
}

var filters = []string{"nearest", "box", "bilinear", "catmull-rom", "lanczos3"}

// FromSettings reads width and height (224), mean (127) and scale (128; each a number, or one per channel), pad (127; a number,
// or red, green and blue), filter (bilinear) and input (input). assay.ErrBadSetting where one cannot be used.
func FromSettings() (*Letterbox, error) {
	read := settings.Read()
	size := settings.Between(1, maxSide)
	width := read.Integer("width", settings.Or(224), size)
	height := read.Integer("height", settings.Or(224), size)
	mean := read.Numbers("mean", settings.Or([]float64{127}))
	scale := read.Numbers("scale", settings.Or([]float64{128}))
	pad := read.Numbers("pad", settings.Or([]float64{127}))
	filter := read.Text("filter", settings.Or("bilinear"), settings.OneOf(filters...))
	input := read.Text("input", settings.Or("input"))
	if err := read.Err(); err != nil {
		return nil, err
	}
	for key, values := range map[string][]float64{"mean": mean, "scale": scale, "pad": pad} {
		if len(values) != 1 && len(values) != 3 {
			return nil, assay.BadSetting(key, "1 number, or 3", fmt.Sprintf("%d numbers", len(values)))
		}
	}
	box := &Letterbox{Width: uint32(width), Height: uint32(height), Input: input}
	for _, value := range scale {
		if value == 0 {
			return nil, assay.BadSetting("scale", "numbers other than 0", "0")
		}
	}
	for at := range box.Pad {
		value := pad[min(at, len(pad)-1)]
		if value < 0 || value > 255 {
			return nil, assay.BadSetting("pad", "1 number, or 3, from 0 to 255", fmt.Sprint(value))
		}
		box.Pad[at] = byte(value)
	}
	for at, name := range filters {
		if name == filter {
			box.Filter = assay.Filter(at)
		}
	}
	box.Spec = assay.TensorSpec{Mean: floats(mean), Scale: floats(scale)}
	return box, nil
}

// Fit gives the picture as the model sees it: three channels, resized, padded. It is the same picture where it fits already.
func (box *Letterbox) Fit(picture *assay.Image) (*assay.Image, error) {
	info, colour := picture.Info(), picture
	if info.Format != assay.RGB8 {
		converted, err := picture.Convert(assay.RGB8)
		if err != nil {
			return nil, err
		}
		colour = converted
	}
	fitted, err := box.fit(info, colour)
	if colour != picture && fitted != colour {
		colour.Close()
	}
	return fitted, err
}

func (box *Letterbox) fit(info assay.ImageInfo, colour *assay.Image) (*assay.Image, error) {
	if info.Width == box.Width && info.Height == box.Height {
		return colour, nil
	}
	at := Place(info.Width, info.Height, box.Width, box.Height)
	small, err := colour.Resize(at.Width, at.Height, box.Filter)
	if err != nil || (at.Width == box.Width && at.Height == box.Height) {
		return small, err
	}
	defer small.Close()
	border, err := assay.Filled(box.Width, box.Height, assay.RGB8, box.Pad[:]...)
	if err != nil {
		return nil, err
	}
	defer border.Close()
	return border.Overlay(small, at.X, at.Y)
}

// Place gives the largest size of a shape inside another, centred; an odd pixel of border goes to the right and to the bottom.
func Place(width, height, insideWidth, insideHeight uint32) assay.Region {
	wide, high := float64(max(width, 1)), float64(max(height, 1))
	factor := min(float64(insideWidth)/wide, float64(insideHeight)/high)
	side := func(of float64, inside uint32) uint32 {
		return min(max(uint32(math.Floor(of*factor+0.5)), 1), inside)
	}
	newWidth, newHeight := side(wide, insideWidth), side(high, insideHeight)
	return assay.Region{
		X: (insideWidth - newWidth) / 2, Y: (insideHeight - newHeight) / 2, Width: newWidth, Height: newHeight,
	}
}

func floats(values []float64) []float32 {
	narrow := make([]float32, len(values))
	for at, value := range values {
		narrow[at] = float32(value)
	}
	return narrow
}
