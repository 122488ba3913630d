package assay

import (
	"strings"

	"assay/internal/gen/wasi_nn_errors"
	"assay/internal/gen/wasi_nn_graph"
	"assay/internal/wit/runtime"
	"assay/internal/wit/types"
)

// The host's words for what went wrong, in the order of wasi:nn.
var codes = [...]string{
	"invalid argument", "invalid encoding", "timeout", "runtime error", "unsupported operation", "too large", "not found",
	"security", "unknown",
}

// Model is a model that the recipe grants: the manifest asks for inference:NAME. The host has loaded and warmed it up before.
type Model struct {
	Name string
}

// Compute runs the model: tensors by the names of its inputs, answers by the names of its outputs. The input tensors belong
// to the host after that. ErrInference, with the host's words, where there is no answer.
func (model Model) Compute(inputs ...NamedTensor) (Tensors, error) {
	loaded := wasi_nn_graph.LoadByName(model.Name)
	if loaded.Tag() == types.ResultErr {
		return nil, model.failed(loaded.Err())
	}
	graph := loaded.Ok()
	defer graph.Drop()
	made := graph.InitExecutionContext()
	if made.Tag() == types.ResultErr {
		return nil, model.failed(made.Err())
	}
	context := made.Ok()
	defer context.Drop()
	raw, err := handOverTensors(inputs)
	if err != nil {
		return nil, err
	}
	answered := context.Compute(raw)
	runtime.Unpin()
	if answered.Tag() == types.ResultErr {
		return nil, model.failed(answered.Err())
	}
	return tensorsFrom(answered.Ok()), nil
}

func (model Model) failed(err *wasi_nn_errors.Error) error {
	defer err.Drop()
	code, data := "unknown", err.Data()
	if at := int(err.Code()); at < len(codes) {
		code = codes[at]
	}
	data = strings.Clone(data)
	runtime.Unpin()
	return &kindError{ErrInference, "model " + model.Name + ": " + code + ": " + data}
}
