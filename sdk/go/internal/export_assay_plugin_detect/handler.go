// Package export_assay_plugin_detect is called by the generated bindings, which know it by this name.
package export_assay_plugin_detect

import (
	"assay/internal/gen/assay_plugin_detect"
	"assay/internal/gen/assay_plugin_types"
	"assay/internal/wit/types"
)

// Answer is what the host gets.
type Answer = types.Result[assay_plugin_detect.Detection, assay_plugin_types.PluginError]

// Handler looks at a frame.
var Handler func(assay_plugin_types.FrameInfo, assay_plugin_detect.Evidence) Answer

// Detect is the host's call.
func Detect(frame assay_plugin_types.FrameInfo, evidence assay_plugin_detect.Evidence) Answer {
	return Handler(frame, evidence)
}
