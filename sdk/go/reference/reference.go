// Package reference is what the model bundle says of how each feature lay while the model was made. The host has parsed it; a
// plugin asks for the values that it needs. Needs the capability config.
//
//	mean, err := reference.Feature("brightness").Number("mean")
package reference

import (
	"assay"
	"assay/internal/gen/assay_plugin_config"
	"assay/internal/wit/runtime"
	"assay/internal/wit/types"
)

// Digest is the SHA-256 as 64 hexadecimal digits: the same digest, the same reference. ErrBadSetting where there is none.
func Digest() (string, error) {
	return textOf(assay_plugin_config.ReferenceDigest())
}

// Text is all of it as JSON. ErrBadSetting where there is none.
func Text() (string, error) {
	return textOf(assay_plugin_config.Reference())
}

// Feature is one feature of the reference, by its name. Nothing is asked of the host before a value is read.
type Feature string

// Number reads a number: mean, sd, min, max. ErrBadSetting where it is missing.
func (feature Feature) Number(key string) (float64, error) {
	value, there := feature.value(key)
	if there {
		switch value.Tag() {
		case assay_plugin_config.ValueNumber:
			return value.Number(), nil
		case assay_plugin_config.ValueInteger:
			return float64(value.Integer()), nil
		}
	}
	return 0, feature.missing(key, "a number")
}

// Numbers reads a list of numbers, at least one: quantiles, bins/edges. ErrBadSetting where it is missing or empty.
func (feature Feature) Numbers(path string) ([]float64, error) {
	value, there := feature.value(path)
	if there && value.Tag() == assay_plugin_config.ValueNumbers && len(value.Numbers()) > 0 {
		return value.Numbers(), nil
	}
	return nil, feature.missing(path, "a list of numbers")
}

func (feature Feature) value(path string) (assay_plugin_config.Value, bool) {
	found := assay_plugin_config.ReferenceValue("features/" + string(feature) + "/" + path)
	runtime.Unpin()
	if found.Tag() == types.OptionNone {
		return assay_plugin_config.Value{}, false
	}
	return found.Some(), true
}

func (feature Feature) missing(path, expected string) error {
	if _, err := Digest(); err != nil {
		return err
	}
	return assay.BadSetting("reference", path+" of "+string(feature)+" as "+expected, "none")
}

func textOf(found types.Option[string]) (string, error) {
	runtime.Unpin()
	if found.Tag() == types.OptionNone {
		return "", assay.BadSetting("reference", `a model bundle with a blob of role "reference"`, "a model bundle without one")
	}
	return found.Some(), nil
}
