// Watches the share of parts that do not pass, window by window.
package main

import (
	"assay"
	"assay/monitor"
	"assay/settings"
	"assay/state"
)

type plugin struct {
	window int
	limit  float64
}

func open() (assay.Monitor, error) {
	read := settings.Read()
	window := read.Integer("window", settings.Or(50), settings.Between(1, 10_000))
	limit := read.Number("limit", settings.Or(0.2), settings.Between(0, 1))
	return &plugin{window, limit}, read.Err()
}

func (p *plugin) Observe(frame assay.Frame, inspection assay.Inspection) (assay.Observation, error) {
	// The host keeps what has to be remembered: the next frame may meet a fresh instance.
	frames, rejects := 0.0, 0.0
	if kept := state.GetNumbers("seen"); len(kept) == 2 {
		frames, rejects = kept[0], kept[1]
	}
	frames++
	if inspection.Verdict != "pass" {
		rejects++
	}
	if frames < float64(p.window) {
		return assay.Observation{}, state.SetNumbers("seen", frames, rejects)
	}
	state.Delete("seen")
	rate := rejects / frames
	return assay.Observation{Reports: []assay.Report{{
		Feature: "reject_rate", Statistic: "share", Value: rate, Threshold: p.limit, Drifted: rate >= p.limit,
		Window: uint64(frames),
	}}}, nil
}

func init() { monitor.Export(open) }
func main() {}
