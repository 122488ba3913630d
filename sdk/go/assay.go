// Package assay is what plugins for Assay in Go are written with.
//
//	package main
//
//	import (
//		"assay"
//		"assay/detector"
//		"assay/settings"
//	)
//
//	type bright struct{ limit float64 }
//
//	func (p *bright) Detect(frame assay.Frame, evidence assay.Evidence) (assay.Detection, error) {
//		mean := evidence.Picture.Statistics().Mean // luma, 0 to 255, computed by the host
//		finding := assay.Finding{Label: "too-bright", Score: mean / 255, Raised: mean > p.limit}
//		return assay.Detection{Findings: []assay.Finding{finding}}, nil
//	}
//
//	func open() (assay.Detector, error) {
//		read := settings.Read()
//		limit := read.Number("limit", settings.Or(200.0), settings.Between(0, 255))
//		return &bright{limit}, read.Err()
//	}
//
//	func init() { detector.Export(open) }
//	func main() {}
//
// Pictures and tensors are handles: the pixels stay with the host. Each is released by Close, and at the end of the call
// at the latest; a use after that panics. Nothing that belongs to a frame outlives its call.
//
// An error that a plugin returns makes the frame undecided, with its text for a person: say what was found, what is
// expected and what to change. A panic does the same; after one, the next call opens a new plugin. A monitor's error is
// only an alarm.
//
// A plugin has no files, no network, no environment and no standard output. Time is a counter that begins at the same
// moment for every instance, and chance is the same for all: time.Now and math/rand tell nothing of the world.
package assay

import (
	"errors"
	"fmt"
)

// The kinds of errors that a station tells apart.
var (
	// ErrUnsupportedInput: the picture or a tensor is not what this plugin works on.
	ErrUnsupportedInput = errors.New("unsupported input")
	// ErrBadSetting: a setting is missing or out of its range.
	ErrBadSetting = errors.New("bad setting")
	// ErrInference: a model gave no answer: a tensor that does not fit, the deadline, the device.
	ErrInference = errors.New("inference")
	// ErrLimit: a limit of the plugin would be passed, or the host refuses for another reason.
	ErrLimit = errors.New("limit")
)

// The text is the whole message; the kind is for the station and for errors.Is.
type kindError struct {
	kind error
	text string
}

func (err *kindError) Error() string { return err.text }
func (err *kindError) Unwrap() error { return err.kind }

// UnsupportedInput says why a picture or a tensor is not what this plugin works on.
func UnsupportedInput(format string, values ...any) error {
	return &kindError{ErrUnsupportedInput, fmt.Sprintf(format, values...)}
}

// BadSetting names a setting, what it has to be and what it is.
func BadSetting(key, expected, found string) error {
	return &kindError{ErrBadSetting, fmt.Sprintf("setting %s: expected %s, found %s", key, expected, found)}
}

// Attribute is a further value under a key of lower-case words with hyphens.
type Attribute struct {
	Key, Value string
}

// Attr writes the value as fmt.Sprint does.
func Attr(key string, value any) Attribute {
	return Attribute{key, fmt.Sprint(value)}
}

// Region is a rectangle in pixels, top-left origin.
type Region struct {
	X, Y, Width, Height uint32
}

// Frame is what is known of a frame but its pixels.
type Frame struct {
	Station string
	// Counts the starts of the station, from 1.
	Boot uint64
	// Counts the frames since that start, from 1.
	Trigger uint64
	// Microseconds since 1970-01-01 UTC.
	CapturedAtUs int64
	// The source's name in the station's configuration.
	Source string
	// Empty where they are not known.
	Product, Serial string
	Attributes      []Attribute
}

// Finding is what a detector says about a frame.
type Finding struct {
	// A short word, the same for the same thing: too-dark. Recipes know it by this word.
	Label string
	// Brought into [0, 1]; one that is no number becomes 1, so that a broken measurement is seen.
	Score float64
	// True asks for the recipe's consequence; false is only shown.
	Raised bool
	// Inside the picture, anything else is a bad answer; nil for the whole of it.
	Region *Region
	// For a person, at most a line; may be empty.
	Text       string
	Attributes []Attribute
}

// Evidence is the frame as the stages before left it.
type Evidence struct {
	// The frame's picture, after the preprocessors.
	Picture *Image
	// What the preprocessors gave.
	Inputs Tensors
	// What the model gave.
	Outputs    Tensors
	Attributes []Attribute
}

// Detection is what a detector gives.
type Detection struct {
	Findings []Finding
	// Pictures for a person to look at.
	Images     []NamedImage
	Attributes []Attribute
}

// Detector looks at frames: package detector exports it.
type Detector interface {
	Detect(frame Frame, evidence Evidence) (Detection, error)
}

// Prepared is what a preprocessor gives.
type Prepared struct {
	// Inputs of the model; the detectors see them too.
	Tensors Tensors
	// Takes the frame's place for the stages behind this one; nil leaves it.
	Picture *Image
	// Pictures for a person to look at.
	Images     []NamedImage
	Attributes []Attribute
}

// Preprocessor makes named tensors of a frame: package preprocessor exports it.
type Preprocessor interface {
	Preprocess(frame Frame, picture *Image) (Prepared, error)
}

// Inspection is a judged frame.
type Inspection struct {
	Picture *Image
	// pass, fail or undecided.
	Verdict string
	// The top label; empty where the model did not answer.
	Label string
	// In the order of the model's labels, each in [0, 1]; empty where the model did not answer.
	Probabilities []float32
	// Of all detectors.
	Findings []Finding
	// What the model gave.
	Outputs    Tensors
	Attributes []Attribute
}

// Report is one measure of one feature.
type Report struct {
	// What was watched: brightness.
	Feature string
	// How: psi.
	Statistic string
	Value     float64
	// At and above it the value counts as drift.
	Threshold float64
	Drifted   bool
	// Frames that the value speaks of.
	Window     uint64
	Attributes []Attribute
}

// Observation is what a monitor gives: only what is new. A report whose window is not full yet is left out.
type Observation struct {
	Reports    []Report
	Attributes []Attribute
}

// Monitor sees every inspection after its verdict: package monitor exports it. What it has to remember goes into package
// state: the instance itself may be a fresh one for every frame.
type Monitor interface {
	Observe(frame Frame, inspection Inspection) (Observation, error)
}
