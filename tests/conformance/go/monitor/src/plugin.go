// Does what its setting "case" says; what each case has to give stands in cases.json.
package main

import (
	"fmt"

	"assay"
	"assay/monitor"
	"assay/settings"
	"assay/state"
)

type plugin struct{ wanted string }

func open() (assay.Monitor, error) {
	read := settings.Read()
	wanted := read.Text("case")
	return &plugin{wanted}, read.Err()
}

func report(feature, statistic string, value, threshold float64) assay.Report {
	return assay.Report{
		Feature: feature, Statistic: statistic, Value: value, Threshold: threshold, Drifted: value >= threshold, Window: 9,
	}
}

func reports(reports ...assay.Report) (assay.Observation, error) {
	return assay.Observation{Reports: reports}, nil
}

func sum(values []float32) (total float64) {
	for _, value := range values {
		total += float64(value)
	}
	return total
}

// One report per part of the inspection.
func everything(inspection assay.Inspection) (assay.Observation, error) {
	output, err := inspection.Outputs.Get("logits")
	if err != nil {
		return assay.Observation{}, err
	}
	values, err := output.Float32()
	if err != nil {
		return assay.Observation{}, err
	}
	first, label := inspection.Findings[0], inspection.Label
	if label == "" {
		label = "none"
	}
	return reports(
		report("picture", "mean", inspection.Picture.Statistics().Mean, 1000),
		report("verdict", inspection.Verdict, 1, 1000),
		report("label", label, 1, 1000),
		report("probabilities", "sum", sum(inspection.Probabilities), 1000),
		report("finding", first.Label, first.Score, 1000),
		report("output", "sum", sum(values), 1000),
	)
}

// Counts frames; forgets after the third.
func stateCount() (assay.Observation, error) {
	now := 1.0
	if kept := state.GetNumbers("frames"); len(kept) == 1 {
		now += kept[0]
	}
	if now >= 3 {
		state.Delete("frames")
	} else if err := state.SetNumbers("frames", now); err != nil {
		return assay.Observation{}, err
	}
	return reports(report("frames", "count", now, 1000))
}

// Every byte comes back.
func stateBytes() (assay.Observation, error) {
	all := make([]byte, 256)
	for at := range all {
		all[at] = byte(at)
	}
	if err := state.Set("bytes", all); err != nil {
		return assay.Observation{}, err
	}
	found, _ := state.Get("bytes")
	weighted := 0
	for at, value := range found {
		weighted += at * int(value)
	}
	return reports(report("bytes", "weighted", float64(weighted), 1e9))
}

func stateLimit() (assay.Observation, error) {
	return assay.Observation{}, state.Set("big", make([]byte, 4096))
}

func stateUndone() (assay.Observation, error) {
	if err := state.SetNumbers("undone", 1); err != nil {
		return assay.Observation{}, err
	}
	kept, _ := state.Get("undone")
	return assay.Observation{}, fmt.Errorf("%d is kept for now", len(kept))
}

func (p *plugin) Observe(frame assay.Frame, inspection assay.Inspection) (assay.Observation, error) {
	switch p.wanted {
	case "inspection":
		return everything(inspection)
	case "reports":
		return reports(report("brightness", "psi", 0.5, 0.25), report("sharpness", "ks", 0.1, 0.2))
	case "quiet":
		return reports()
	case "state-count":
		return stateCount()
	case "state-bytes":
		return stateBytes()
	case "state-limit":
		return stateLimit()
	case "state-undone":
		return stateUndone()
	}
	return assay.Observation{}, assay.BadSetting("case", "a case", p.wanted)
}

func init() { monitor.Export(open) }
func main() {}
