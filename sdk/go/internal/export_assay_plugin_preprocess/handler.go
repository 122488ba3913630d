// Package export_assay_plugin_preprocess is called by the generated bindings, which know it by this name.
package export_assay_plugin_preprocess

import (
	"assay/internal/gen/assay_plugin_imaging"
	"assay/internal/gen/assay_plugin_preprocess"
	"assay/internal/gen/assay_plugin_types"
	"assay/internal/wit/types"
)

// Answer is what the host gets.
type Answer = types.Result[assay_plugin_preprocess.Prepared, assay_plugin_types.PluginError]

// Handler makes tensors of a picture.
var Handler func(assay_plugin_types.FrameInfo, *assay_plugin_imaging.Image) Answer

// Preprocess is the host's call.
func Preprocess(frame assay_plugin_types.FrameInfo, picture *assay_plugin_imaging.Image) Answer {
	return Handler(frame, picture)
}
