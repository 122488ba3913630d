package assay

import (
	"errors"
	"fmt"
	"path"
	"runtime"
	"strings"

	"assay/internal/call"
	"assay/internal/gen/assay_plugin_imaging"
	"assay/internal/gen/assay_plugin_types"
	"assay/internal/gen/wasi_nn_tensor"
	"assay/internal/wit/types"
)

// A plugin that lives as long as its instance, or until it panics.
type slot[P any] struct {
	open   func() (P, error)
	opened bool
	plugin P
}

func (slot *slot[P]) get() (P, error) {
	if !slot.opened {
		plugin, err := slot.open()
		if err != nil {
			return plugin, err
		}
		slot.plugin, slot.opened = plugin, true
	}
	return slot.plugin, nil
}

// One call of the host: what belongs to it ends with it, and what goes wrong becomes the station's error.
func run[P, A any](slot *slot[P], work func(P) (A, error)) (answer types.Result[A, assay_plugin_types.PluginError]) {
	defer call.End()
	defer func() {
		if cause := recover(); cause != nil {
			// Nobody knows in which state the plugin is: the next call opens a new one.
			slot.opened = false
			text := fmt.Sprintf("panic: %v%s", cause, place())
			answer = types.Err[A](assay_plugin_types.MakePluginErrorOther(text))
		}
	}()
	plugin, err := slot.get()
	if err != nil {
		return types.Err[A](pluginError(err))
	}
	found, err := work(plugin)
	if err != nil {
		return types.Err[A](pluginError(err))
	}
	return types.Ok[A, assay_plugin_types.PluginError](found)
}

// The innermost place outside of Go's runtime and of this SDK.
func place() string {
	var callers [32]uintptr
	frames := runtime.CallersFrames(callers[:runtime.Callers(3, callers[:])])
	for more := true; more; {
		var frame runtime.Frame
		frame, more = frames.Next()
		function := frame.Function
		if function != "" && !strings.HasPrefix(function, "runtime.") && !strings.HasPrefix(function, "assay.") &&
			!strings.HasPrefix(function, "assay/") {
			return fmt.Sprintf(" (%s line %d)", path.Base(frame.File), frame.Line)
		}
	}
	return ""
}

func pluginError(err error) assay_plugin_types.PluginError {
	text := err.Error()
	switch {
	case errors.Is(err, ErrUnsupportedInput):
		return assay_plugin_types.MakePluginErrorUnsupportedInput(text)
	case errors.Is(err, ErrBadSetting):
		return assay_plugin_types.MakePluginErrorBadSetting(text)
	case errors.Is(err, ErrInference):
		return assay_plugin_types.MakePluginErrorInference(text)
	default:
		return assay_plugin_types.MakePluginErrorOther(text)
	}
}

type rawAttribute = types.Tuple2[string, string]

func attributesFrom(raw []rawAttribute) []Attribute {
	attributes := make([]Attribute, len(raw))
	for at, pair := range raw {
		attributes[at] = Attribute{pair.F0, pair.F1}
	}
	return attributes
}

func rawAttributes(attributes []Attribute) []rawAttribute {
	raw := make([]rawAttribute, len(attributes))
	for at, attribute := range attributes {
		raw[at] = rawAttribute{F0: attribute.Key, F1: attribute.Value}
	}
	return raw
}

func textOr(option types.Option[string]) string {
	if option.Tag() == types.OptionNone {
		return ""
	}
	return option.Some()
}

func optionOf(text string) types.Option[string] {
	if text == "" {
		return types.None[string]()
	}
	return types.Some(text)
}

func frameFrom(raw assay_plugin_types.FrameInfo) Frame {
	return Frame{
		Station: raw.Station, Boot: raw.Boot, Trigger: raw.Trigger, CapturedAtUs: raw.CapturedAtUs, Source: raw.Source,
		Product: textOr(raw.Product), Serial: textOr(raw.Serial), Attributes: attributesFrom(raw.Attributes),
	}
}

func findingsFrom(raw []assay_plugin_types.Finding) []Finding {
	findings := make([]Finding, len(raw))
	for at, one := range raw {
		finding := Finding{
			Label: one.Label, Score: float64(one.Score), Raised: one.Raised, Text: textOr(one.Text),
			Attributes: attributesFrom(one.Attributes),
		}
		if one.Region.Tag() == types.OptionSome {
			found := one.Region.Some()
			finding.Region = &Region{found.X, found.Y, found.Width, found.Height}
		}
		findings[at] = finding
	}
	return findings
}

func rawFindings(findings []Finding) []assay_plugin_types.Finding {
	raw := make([]assay_plugin_types.Finding, len(findings))
	for at, finding := range findings {
		region := types.None[assay_plugin_types.Region]()
		if finding.Region != nil {
			region = types.Some(finding.Region.raw())
		}
		raw[at] = assay_plugin_types.Finding{
			Label: finding.Label, Score: float32(unit(finding.Score)), Raised: finding.Raised, Region: region,
			Text: optionOf(finding.Text), Attributes: rawAttributes(finding.Attributes),
		}
	}
	return raw
}

func unit(score float64) float64 {
	if score != score {
		return 1
	}
	return min(1, max(0, score))
}

// Pictures and tensors that the plugin hands on: from now on somebody else releases them. All or none, so that none is
// lost half-way; a handle that is used up already panics.
type handedOver map[call.Handle]bool

func (handed handedOver) check(what, name string, handle call.Handle, live func() int32) error {
	live()
	if handed[handle] {
		return fmt.Errorf("%s %q: one handle cannot be handed on twice; make a copy", what, name)
	}
	handed[handle] = true
	return nil
}

func (handed handedOver) checkImages(images []NamedImage) error {
	for _, named := range images {
		if named.Image == nil {
			return fmt.Errorf("picture %q: there is none (nil)", named.Name)
		}
		if err := handed.check("picture", named.Name, named.Image.raw, named.Image.raw.Handle); err != nil {
			return err
		}
	}
	return nil
}

func (handed handedOver) checkTensors(tensors Tensors) error {
	for _, named := range tensors {
		if named.Tensor == nil {
			return fmt.Errorf("tensor %q: there is none (nil)", named.Name)
		}
		if err := handed.check("tensor", named.Name, named.Tensor.raw, named.Tensor.raw.Handle); err != nil {
			return err
		}
	}
	return nil
}

// The new handle is not one that ends with the call: the bindings read it after that.
func rawImage(image *Image) *assay_plugin_imaging.Image {
	return assay_plugin_imaging.ImageFromOwnHandle(image.raw.TakeHandle())
}

func rawImages(images []NamedImage) []types.Tuple2[string, *assay_plugin_imaging.Image] {
	raw := make([]types.Tuple2[string, *assay_plugin_imaging.Image], len(images))
	for at, named := range images {
		raw[at] = types.Tuple2[string, *assay_plugin_imaging.Image]{F0: named.Name, F1: rawImage(named.Image)}
	}
	return raw
}

func rawTensors(tensors Tensors) []types.Tuple2[string, *wasi_nn_tensor.Tensor] {
	raw := make([]types.Tuple2[string, *wasi_nn_tensor.Tensor], len(tensors))
	for at, named := range tensors {
		taken := wasi_nn_tensor.TensorFromOwnHandle(named.Tensor.raw.TakeHandle())
		raw[at] = types.Tuple2[string, *wasi_nn_tensor.Tensor]{F0: named.Name, F1: taken}
	}
	return raw
}

func handOverTensors(tensors Tensors) ([]types.Tuple2[string, *wasi_nn_tensor.Tensor], error) {
	if err := (handedOver{}).checkTensors(tensors); err != nil {
		return nil, err
	}
	return rawTensors(tensors), nil
}
