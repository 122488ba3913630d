package assay

import (
	"assay/internal/call"
	"assay/internal/gen/assay_plugin_imaging"
	"assay/internal/gen/assay_plugin_types"
	"assay/internal/gen/wasi_nn_tensor"
	"assay/internal/wit/runtime"
	"assay/internal/wit/types"
)

// PixelFormat says how pixels lie in memory: rows packed, top row first.
type PixelFormat uint8

// The formats of pictures.
const (
	// One byte per pixel.
	Gray8 PixelFormat = iota
	// Red, green, blue; one byte each.
	RGB8
	// Blue, green, red; one byte each.
	BGR8
	// Red, green, blue, alpha; one byte each.
	RGBA8
	// Two bytes per pixel, little-endian.
	Gray16
)

// Filter says how Resize computes a new pixel.
type Filter uint8

// The filters.
const (
	Nearest Filter = iota
	// Averages areas when it shrinks: no aliasing, cheap.
	Box
	Bilinear
	CatmullRom
	Lanczos3
)

// Layout of a picture's tensor.
type Layout uint8

// The layouts.
const (
	// Batch, channel, row, column.
	NCHW Layout = iota
	// Batch, row, column, channel.
	NHWC
)

// Element of a picture's tensor.
type Element uint8

// The elements.
const (
	FP32 Element = iota
	// Pixels as they are.
	UInt8
)

// TensorSpec says how pixels become numbers: (pixel - mean) / scale, channel by channel, with pixels in 0..255 (16-bit
// pixels in 0..65535). The zero value gives them as they are, as 32-bit floats in NCHW.
type TensorSpec struct {
	Layout  Layout
	Element Element
	// One value for all channels, or one per channel; none is 0.
	Mean []float32
	// As Mean, none may be 0; none is 1.
	Scale []float32
}

func (spec TensorSpec) raw() assay_plugin_imaging.TensorSpec {
	mean, scale := spec.Mean, spec.Scale
	if len(mean) == 0 {
		mean = []float32{0}
	}
	if len(scale) == 0 {
		scale = []float32{1}
	}
	return assay_plugin_imaging.TensorSpec{
		Layout: uint8(spec.Layout), Element: uint8(spec.Element), Mean: mean, Scale: scale,
	}
}

// ImageInfo is the size and format of a picture.
type ImageInfo struct {
	// Pixels.
	Width, Height uint32
	Format        PixelFormat
}

// Statistics of luma, Y = (77 R + 150 G + 29 B + 128) >> 8 for colour, the value itself for grey (16-bit grey is divided by
// 257 first).
type Statistics struct {
	// Mean luma, 0 to 255.
	Mean float64
	// Population standard deviation of luma.
	SD float64
	// Sharpness: population variance of the 4-neighbour Laplacian over interior pixels; 0 under 3 pixels a side.
	LaplacianVariance float64
	// Share of pixels with luma <= 4, 0 to 1.
	DarkShare float64
	// Share of pixels with luma >= 251, 0 to 1.
	BrightShare float64
	// Mean of each channel in the order of the format.
	ChannelMeans []float64
}

// Image is a picture that the host holds. Every operation is done by the host, natively, and gives a new picture, which
// counts against the plugin's host_bytes until it is closed.
//
// Operations return ErrUnsupportedInput where a region, size or format cannot be used, and ErrLimit where a limit would be
// passed.
type Image struct {
	raw *assay_plugin_imaging.Image
}

// NamedImage is a picture for a person to look at.
type NamedImage struct {
	Name  string
	Image *Image
}

func newImage(raw *assay_plugin_imaging.Image) *Image {
	call.Opened(raw)
	return &Image{raw}
}

// NewImage makes a picture from packed pixels, top row first.
func NewImage(width, height uint32, format PixelFormat, pixels []byte) (*Image, error) {
	return imageOf(assay_plugin_imaging.ImageFromPixels(width, height, uint8(format), pixels))
}

// Filled makes a picture of one colour; the value has one byte per channel.
func Filled(width, height uint32, format PixelFormat, value ...byte) (*Image, error) {
	return imageOf(assay_plugin_imaging.ImageFilled(width, height, uint8(format), value))
}

// Close releases what the host holds, and frees its share of the plugin's limits.
func (image *Image) Close() {
	call.Close(image.raw)
}

// Info asks for width, height and format.
func (image *Image) Info() ImageInfo {
	info := image.raw.Info()
	return ImageInfo{info.Width, info.Height, PixelFormat(info.Format)}
}

// ReadRegion gives the pixels of a region, packed.
func (image *Image) ReadRegion(region Region) ([]byte, error) {
	return pixelsOf(image.raw.ReadRegion(region.raw()))
}

// ReadRows gives the pixels of some rows, packed.
func (image *Image) ReadRows(first, count uint32) ([]byte, error) {
	return pixelsOf(image.raw.ReadRows(first, count))
}

// Crop gives a part of the picture.
func (image *Image) Crop(region Region) (*Image, error) {
	return imageOf(image.raw.Crop(region.raw()))
}

// Resize gives the picture in another size; its shape is not kept.
func (image *Image) Resize(width, height uint32, filter Filter) (*Image, error) {
	return imageOf(image.raw.Resize(width, height, uint8(filter)))
}

// Overlay gives this picture with another laid over it, its top-left corner at x, y. Formats have to be equal.
func (image *Image) Overlay(top *Image, x, y uint32) (*Image, error) {
	return imageOf(image.raw.Overlay(top.raw, x, y))
}

// Convert gives the picture in another format.
func (image *Image) Convert(format PixelFormat) (*Image, error) {
	return imageOf(image.raw.Convert(uint8(format)))
}

// GaussianBlur takes sigma in pixels, 0.1 to 50.
func (image *Image) GaussianBlur(sigma float32) (*Image, error) {
	return imageOf(image.raw.GaussianBlur(sigma))
}

// MedianBlur takes the side of its window in pixels: 3, 5 or 7; edges are mirrored.
func (image *Image) MedianBlur(size uint32) (*Image, error) {
	return imageOf(image.raw.MedianBlur(size))
}

// ReduceBitDepth keeps the upper bits, 1 to 8, of each byte.
func (image *Image) ReduceBitDepth(bits uint32) (*Image, error) {
	return imageOf(image.raw.ReduceBitDepth(bits))
}

// JPEGRoundTrip encodes as JPEG of a quality from 1 to 100, and decodes again.
func (image *Image) JPEGRoundTrip(quality uint32) (*Image, error) {
	return imageOf(image.raw.JpegRoundTrip(quality))
}

// Histogram gives 256 counts of luma.
func (image *Image) Histogram() []uint64 {
	counts := image.raw.Histogram()
	runtime.Unpin()
	return counts
}

// Statistics gives mean and deviation of luma, sharpness, dark and bright shares, and the means of the channels.
func (image *Image) Statistics() Statistics {
	found := image.raw.Statistics()
	runtime.Unpin()
	return Statistics{
		Mean: found.Mean, SD: found.Sd, LaplacianVariance: found.LaplacianVariance,
		DarkShare: found.DarkShare, BrightShare: found.BrightShare, ChannelMeans: found.ChannelMeans,
	}
}

// Tensor gives the picture as a tensor of batch size 1: [1, C, H, W] or [1, H, W, C].
func (image *Image) Tensor(spec TensorSpec) (*Tensor, error) {
	return tensorOf(image.raw.ToTensor(spec.raw()))
}

// BatchTensor gives one tensor from pictures of one size and format: [N, C, H, W] or [N, H, W, C], in their order.
func BatchTensor(images []*Image, spec TensorSpec) (*Tensor, error) {
	raw := make([]*assay_plugin_imaging.Image, len(images))
	for at, image := range images {
		raw[at] = image.raw
	}
	return tensorOf(assay_plugin_imaging.BatchToTensor(raw, spec.raw()))
}

func (region Region) raw() assay_plugin_types.Region {
	return assay_plugin_types.Region{X: region.X, Y: region.Y, Width: region.Width, Height: region.Height}
}

func imageOf(answer types.Result[*assay_plugin_imaging.Image, assay_plugin_imaging.ImagingError]) (*Image, error) {
	runtime.Unpin()
	if answer.Tag() == types.ResultErr {
		return nil, imagingError(answer.Err())
	}
	return newImage(answer.Ok()), nil
}

func tensorOf(answer types.Result[*wasi_nn_tensor.Tensor, assay_plugin_imaging.ImagingError]) (*Tensor, error) {
	runtime.Unpin()
	if answer.Tag() == types.ResultErr {
		return nil, imagingError(answer.Err())
	}
	return newTensor(answer.Ok()), nil
}

func pixelsOf(answer types.Result[[]byte, assay_plugin_imaging.ImagingError]) ([]byte, error) {
	runtime.Unpin()
	if answer.Tag() == types.ResultErr {
		return nil, imagingError(answer.Err())
	}
	return answer.Ok(), nil
}

func imagingError(err assay_plugin_imaging.ImagingError) error {
	switch err.Tag() {
	case assay_plugin_imaging.ImagingErrorInvalidArgument:
		return &kindError{ErrUnsupportedInput, err.InvalidArgument()}
	case assay_plugin_imaging.ImagingErrorLimit:
		return &kindError{ErrLimit, err.Limit()}
	default:
		return &kindError{ErrLimit, err.Other()}
	}
}
