// Does what its setting "case" says; what each case has to give stands in cases.json.
package main

import (
	"fmt"
	"math"
	"strings"

	"assay"
	"assay/detector"
	"assay/log"
	"assay/reference"
	"assay/settings"
)

type plugin struct{ wanted string }

func open() (assay.Detector, error) {
	read := settings.Read()
	wanted := read.Text("case")
	return &plugin{wanted}, read.Err()
}

func frameData(frame assay.Frame) (assay.Detection, error) {
	known := func(text string) string {
		if text == "" {
			return "none"
		}
		return text
	}
	return attributes(
		assay.Attr("station", frame.Station), assay.Attr("boot", frame.Boot), assay.Attr("trigger", frame.Trigger),
		assay.Attr("captured", frame.CapturedAtUs), assay.Attr("source", frame.Source),
		assay.Attr("product", known(frame.Product)), assay.Attr("serial", known(frame.Serial)),
	)
}

func attributes(attributes ...assay.Attribute) (assay.Detection, error) {
	return assay.Detection{Attributes: attributes}, nil
}

func fixed(key string, value float64) assay.Attribute {
	return assay.Attr(key, fmt.Sprintf("%.3f", value))
}

func statistics(evidence assay.Evidence) (assay.Detection, error) {
	found := evidence.Picture.Statistics()
	values := []assay.Attribute{
		fixed("mean", found.Mean), fixed("sd", found.SD), fixed("laplacian-variance", found.LaplacianVariance),
		fixed("dark-share", found.DarkShare), fixed("bright-share", found.BrightShare),
	}
	for at, mean := range found.ChannelMeans {
		values = append(values, fixed(fmt.Sprintf("channel-mean-%d", at), mean))
	}
	return attributes(values...)
}

func histogram(evidence assay.Evidence) (assay.Detection, error) {
	var sum, weighted uint64
	for luma, count := range evidence.Picture.Histogram() {
		sum += count
		weighted += uint64(luma) * count
	}
	return attributes(assay.Attr("sum", sum), assay.Attr("weighted", weighted))
}

func total(bytes []byte) (sum int) {
	for _, value := range bytes {
		sum += int(value)
	}
	return sum
}

func read(evidence assay.Evidence) (assay.Detection, error) {
	part, err := evidence.Picture.Crop(assay.Region{X: 2, Y: 3, Width: 8, Height: 6})
	if err != nil {
		return assay.Detection{}, err
	}
	pixels, err := part.ReadRegion(assay.Region{X: 1, Y: 1, Width: 4, Height: 4})
	if err != nil {
		return assay.Detection{}, err
	}
	rows, err := evidence.Picture.ReadRows(2, 2)
	if err != nil {
		return assay.Detection{}, err
	}
	info := part.Info()
	size := fmt.Sprintf("%d %d", info.Width, info.Height)
	return attributes(assay.Attr("size", size), assay.Attr("region", total(pixels)), assay.Attr("rows", total(rows)))
}

// Pictures of an answer; the first error counts.
type pictures struct {
	images []assay.NamedImage
	err    error
}

func (p *pictures) add(name string, image *assay.Image, err error) {
	if p.err == nil {
		p.err = err
	}
	p.images = append(p.images, assay.NamedImage{Name: name, Image: image})
}

func (p *pictures) answer() (assay.Detection, error) {
	return assay.Detection{Images: p.images}, p.err
}

func (p *pictures) made(name string) func(*assay.Image, error) {
	return func(image *assay.Image, err error) { p.add(name, image, err) }
}

func makePictures(assay.Evidence) (assay.Detection, error) {
	var made pictures
	made.made("made")(assay.NewImage(2, 2, assay.Gray8, []byte{0, 64, 128, 255}))
	made.made("filled")(assay.Filled(3, 2, assay.RGB8, 10, 20, 30))
	return made.answer()
}

func operations(evidence assay.Evidence) (assay.Detection, error) {
	picture := evidence.Picture
	top, err := assay.Filled(4, 4, assay.RGB8, 255, 255, 255)
	if err != nil {
		return assay.Detection{}, err
	}
	var made pictures
	made.made("crop")(picture.Crop(assay.Region{X: 2, Y: 3, Width: 8, Height: 6}))
	made.made("resize")(picture.Resize(8, 6, assay.Nearest))
	made.made("convert")(picture.Convert(assay.Gray8))
	made.made("overlay")(picture.Overlay(top, 10, 2))
	made.made("gaussian")(picture.GaussianBlur(2))
	made.made("median")(picture.MedianBlur(7))
	made.made("depth")(picture.ReduceBitDepth(1))
	made.made("jpeg")(picture.JPEGRoundTrip(10))
	return made.answer()
}

func shape(tensor *assay.Tensor) string {
	return strings.Trim(fmt.Sprint(tensor.Shape()), "[]")
}

func sum(tensor *assay.Tensor) (float64, error) {
	values, err := tensor.Float32()
	sum := 0.0
	for _, value := range values {
		sum += float64(value)
	}
	return sum, err
}

func tensor(evidence assay.Evidence) (assay.Detection, error) {
	picture := evidence.Picture
	one, err := picture.Tensor(assay.TensorSpec{Mean: []float32{127}, Scale: []float32{128}})
	if err != nil {
		return assay.Detection{}, err
	}
	spec := assay.TensorSpec{Layout: assay.NHWC, Element: assay.UInt8}
	batch, err := assay.BatchTensor([]*assay.Image{picture, picture}, spec)
	if err != nil {
		return assay.Detection{}, err
	}
	all, err := sum(one)
	if err != nil {
		return assay.Detection{}, err
	}
	return attributes(
		assay.Attr("shape", shape(one)), fixed("sum", all),
		assay.Attr("batch-shape", shape(batch)), assay.Attr("batch-sum", total(batch.Bytes())),
	)
}

func namedTensors(evidence assay.Evidence) (assay.Detection, error) {
	var found []assay.Attribute
	for _, one := range []struct {
		key, name string
		tensors   assay.Tensors
	}{{"input", "input", evidence.Inputs}, {"output", "logits", evidence.Outputs}} {
		tensor, err := one.tensors.Get(one.name)
		if err != nil {
			return assay.Detection{}, err
		}
		all, err := sum(tensor)
		if err != nil {
			return assay.Detection{}, err
		}
		found = append(found, assay.Attr(one.key+"-shape", shape(tensor)), fixed(one.key+"-sum", all))
	}
	return attributes(found...)
}

func missingTensor(evidence assay.Evidence) (assay.Detection, error) {
	found, err := evidence.Inputs.Get("nothing")
	if err != nil {
		return assay.Detection{}, err
	}
	return attributes(assay.Attr("found", shape(found)))
}

func finding(assay.Evidence) (assay.Detection, error) {
	return assay.Detection{Findings: []assay.Finding{
		{
			Label: "scratch", Score: 0.75, Raised: true, Region: &assay.Region{X: 1, Y: 2, Width: 3, Height: 4},
			Text: "Kratzer, größer als 划痕", Attributes: []assay.Attribute{assay.Attr("length", 7)},
		},
		{Label: "clear", Score: 0.25},
	}}, nil
}

func scoreRange(assay.Evidence) (assay.Detection, error) {
	return assay.Detection{Findings: []assay.Finding{
		{Label: "over", Score: 2}, {Label: "under", Score: -1}, {Label: "none", Score: math.NaN()},
	}}, nil
}

func joined(numbers []float64) string {
	texts := make([]string, len(numbers))
	for at, number := range numbers {
		texts[at] = fmt.Sprintf("%.1f", number)
	}
	return strings.Join(texts, " ")
}

func allSettings(assay.Evidence) (assay.Detection, error) {
	read := settings.Read()
	found := []assay.Attribute{
		assay.Attr("flag", read.Flag("flag")), assay.Attr("integer", read.Integer("integer")),
		fixed("number", read.Number("number")), assay.Attr("text", read.Text("text")),
		assay.Attr("numbers", joined(read.Numbers("numbers"))),
		assay.Attr("texts", strings.Join(read.Texts("texts"), " ")),
	}
	return assay.Detection{Attributes: found}, read.Err()
}

func labels(assay.Evidence) (assay.Detection, error) {
	return attributes(assay.Attr("labels", strings.Join(settings.Labels(), " ")))
}

func modelReference(assay.Evidence) (assay.Detection, error) {
	brightness := reference.Feature("brightness")
	mean, err := brightness.Number("mean")
	if err != nil {
		return assay.Detection{}, err
	}
	edges, err := brightness.Numbers("bins/edges")
	if err != nil {
		return assay.Detection{}, err
	}
	digest, err := reference.Digest()
	found := []assay.Attribute{fixed("mean", mean), assay.Attr("edges", joined(edges)), assay.Attr("digest", digest)}
	return assay.Detection{Attributes: found}, err
}

// A square of the picture, its grey levels summed up by a model.
func asking(name string, side uint32) func(assay.Evidence) (assay.Detection, error) {
	return func(evidence assay.Evidence) (assay.Detection, error) {
		part, err := evidence.Picture.Crop(assay.Region{X: 2, Y: 3, Width: side, Height: side})
		if err != nil {
			return assay.Detection{}, err
		}
		grey, err := part.Convert(assay.Gray8)
		if err != nil {
			return assay.Detection{}, err
		}
		input, err := grey.Tensor(assay.TensorSpec{})
		if err != nil {
			return assay.Detection{}, err
		}
		answers, err := assay.Model{Name: name}.Compute(assay.NamedTensor{Name: "image", Tensor: input})
		if err != nil {
			return assay.Detection{}, err
		}
		found, err := answers.Get("sum")
		if err != nil {
			return assay.Detection{}, err
		}
		all, err := sum(found)
		return assay.Detection{Attributes: []assay.Attribute{assay.Attr("shape", shape(found)), fixed("sum", all)}}, err
	}
}

func logLevels(assay.Evidence) (assay.Detection, error) {
	log.Debug("one")
	log.Info("two")
	log.Warn("three")
	log.Error("four")
	return assay.Detection{}, nil
}

func logFlood(assay.Evidence) (assay.Detection, error) {
	for line := range 100 {
		log.Info("line %d", line)
	}
	return assay.Detection{}, nil
}

func endless(assay.Evidence) (assay.Detection, error) {
	for {
	}
}

func memory(assay.Evidence) (assay.Detection, error) {
	var held [][]byte
	for {
		piece := make([]byte, 1<<20)
		for at := range piece {
			piece[at] = 1
		}
		held = append(held, piece)
	}
}

func handles(evidence assay.Evidence) (assay.Detection, error) {
	for {
		if _, err := evidence.Picture.Crop(assay.Region{Width: 1, Height: 1}); err != nil {
			return assay.Detection{}, err
		}
	}
}

func hostBytes(assay.Evidence) (assay.Detection, error) {
	for {
		if _, err := assay.Filled(1024, 1024, assay.Gray8, 7); err != nil {
			return assay.Detection{}, err
		}
	}
}

func failing(err error) func(assay.Evidence) (assay.Detection, error) {
	return func(assay.Evidence) (assay.Detection, error) { return assay.Detection{}, err }
}

func badArgument(evidence assay.Evidence) (assay.Detection, error) {
	var made pictures
	made.made("part")(evidence.Picture.Crop(assay.Region{X: 15, Y: 11, Width: 4, Height: 4}))
	return made.answer()
}

func badRegion(assay.Evidence) (assay.Detection, error) {
	region := &assay.Region{X: 15, Y: 11, Width: 4, Height: 4}
	return assay.Detection{Findings: []assay.Finding{{Label: "outside", Score: 0.5, Region: region}}}, nil
}

var cases = map[string]func(assay.Evidence) (assay.Detection, error){
	"statistics":        statistics,
	"histogram":         histogram,
	"read":              read,
	"make":              makePictures,
	"operations":        operations,
	"tensor":            tensor,
	"evidence":          namedTensors,
	"missing-tensor":    missingTensor,
	"finding":           finding,
	"score-range":       scoreRange,
	"settings":          allSettings,
	"labels":            labels,
	"reference":         modelReference,
	"inference":         asking("demo", 8),
	"unknown-model":     asking("other", 8),
	"model-refuses":     asking("demo", 4),
	"log":               logLevels,
	"log-flood":         logFlood,
	"unsupported-input": failing(assay.UnsupportedInput("no part in sight")),
	"bad-setting":       failing(assay.BadSetting("integer", "less", "more")),
	"other":             failing(fmt.Errorf("4 holes, expected 5")),
	"bad-argument":      badArgument,
	"bad-region":        badRegion,
	"endless":           endless,
	"memory":            memory,
	"handles":           handles,
	"host-bytes":        hostBytes,
}

func (p *plugin) Detect(frame assay.Frame, evidence assay.Evidence) (assay.Detection, error) {
	if p.wanted == "frame" {
		return frameData(frame)
	}
	work, known := cases[p.wanted]
	if !known {
		return assay.Detection{}, assay.BadSetting("case", "a case", p.wanted)
	}
	return work(evidence)
}

func init() { detector.Export(open) }
func main() {}
