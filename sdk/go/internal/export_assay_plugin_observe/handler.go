// Package export_assay_plugin_observe is called by the generated bindings, which know it by this name.
package export_assay_plugin_observe

import (
	"assay/internal/gen/assay_plugin_observe"
	"assay/internal/gen/assay_plugin_types"
	"assay/internal/wit/types"
)

// Answer is what the host gets.
type Answer = types.Result[assay_plugin_observe.Observation, assay_plugin_types.PluginError]

// Handler looks at an inspection.
var Handler func(assay_plugin_types.FrameInfo, assay_plugin_observe.Inspection) Answer

// Observe is the host's call.
func Observe(frame assay_plugin_types.FrameInfo, inspection assay_plugin_observe.Inspection) Answer {
	return Handler(frame, inspection)
}
