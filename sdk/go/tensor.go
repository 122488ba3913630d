package assay

import (
	"math"
	"strconv"
	"strings"
	"unsafe"

	"assay/internal/call"
	"assay/internal/gen/wasi_nn_tensor"
	"assay/internal/wit/runtime"
	"assay/internal/wit/types"
)

// TensorType is what a tensor holds.
type TensorType uint8

// The types of tensors.
const (
	TypeFP16 TensorType = iota
	TypeFP32
	TypeFP64
	TypeBF16
	TypeU8
	TypeI32
	TypeI64
)

// Name and bytes of one element, in the order of the types.
var elements = [...]struct {
	name  string
	bytes int
}{{"fp16", 2}, {"fp32", 4}, {"fp64", 8}, {"bf16", 2}, {"u8", 1}, {"i32", 4}, {"i64", 8}}

// String is the name: fp32.
func (kind TensorType) String() string {
	if int(kind) < len(elements) {
		return elements[kind].name
	}
	return "type " + strconv.Itoa(int(kind))
}

// Tensor is a tensor that the host holds: row-major, little-endian. Making one from numbers copies them out once, reading
// copies them in once; handing one on (to a model, to the stages behind) copies nothing, and ends this handle.
type Tensor struct {
	raw *wasi_nn_tensor.Tensor
}

// NamedTensor is one of an answer, or of a model's inputs.
type NamedTensor struct {
	Name   string
	Tensor *Tensor
}

// Tensors by name, in the order in which they were given.
type Tensors []NamedTensor

// Get gives the tensor of a name; ErrUnsupportedInput, with the names that are there, where there is none.
func (tensors Tensors) Get(name string) (*Tensor, error) {
	names := make([]string, 0, len(tensors))
	for _, named := range tensors {
		if named.Name == name {
			return named.Tensor, nil
		}
		names = append(names, named.Name)
	}
	if len(names) == 0 {
		names = []string{"none"}
	}
	return nil, UnsupportedInput("no tensor %q; there are: %s", name, strings.Join(names, ", "))
}

func newTensor(raw *wasi_nn_tensor.Tensor) *Tensor {
	call.Opened(raw)
	return &Tensor{raw}
}

// TensorFromFloat32 makes a tensor of 32-bit floats; ErrUnsupportedInput where there are not as many as the shape says.
func TensorFromFloat32(shape []uint32, values []float32) (*Tensor, error) {
	// WebAssembly is little-endian, as tensors are.
	return NewTensor(shape, TypeFP32, unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(values))), 4*len(values)))
}

// TensorFromUint8 makes a tensor of bytes; ErrUnsupportedInput where there are not as many as the shape says.
func TensorFromUint8(shape []uint32, values []byte) (*Tensor, error) {
	return NewTensor(shape, TypeU8, values)
}

// NewTensor makes a tensor of any type from its bytes as they lie in memory; ErrUnsupportedInput where there are not as many
// as shape and type say.
func NewTensor(shape []uint32, kind TensorType, data []byte) (*Tensor, error) {
	if int(kind) >= len(elements) {
		return nil, UnsupportedInput("there is no tensor of %v", kind)
	}
	wanted := uint64(elements[kind].bytes)
	for _, side := range shape {
		if side != 0 && wanted > math.MaxUint64/uint64(side) {
			return nil, UnsupportedInput("a tensor of shape %v does not fit into memory", shape)
		}
		wanted *= uint64(side)
	}
	if wanted != uint64(len(data)) {
		return nil, UnsupportedInput("a tensor of shape %v and type %v does not hold %d bytes", shape, kind, len(data))
	}
	return newTensor(wasi_nn_tensor.MakeTensor(shape, uint8(kind), data)), nil
}

// Close releases what the host holds, and frees its share of the plugin's limits.
func (tensor *Tensor) Close() {
	call.Close(tensor.raw)
}

// Shape gives the sides, outermost first: [1 3 224 224] for one colour picture in NCHW.
func (tensor *Tensor) Shape() []uint32 {
	sides := tensor.raw.Dimensions()
	runtime.Unpin()
	return sides
}

// Type gives what it holds.
func (tensor *Tensor) Type() TensorType {
	return TensorType(tensor.raw.Ty())
}

// Bytes gives them as they lie in memory.
func (tensor *Tensor) Bytes() []byte {
	data := tensor.raw.Data()
	runtime.Unpin()
	return data
}

// Float32 gives the numbers of a tensor of 32-bit floats, row-major; ErrUnsupportedInput where it holds another type.
func (tensor *Tensor) Float32() ([]float32, error) {
	if kind := tensor.Type(); kind != TypeFP32 {
		return nil, UnsupportedInput("expected a tensor of fp32, found %v", kind)
	}
	// What the host writes is aligned for every type.
	data := tensor.Bytes()
	return unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(data))), len(data)/4), nil
}

// Rows gives the numbers of each item of the outermost side, as Float32 does: the answers of a batch.
func (tensor *Tensor) Rows() ([][]float32, error) {
	values, err := tensor.Float32()
	shape := tensor.Shape()
	if err != nil || len(shape) == 0 || shape[0] == 0 {
		return nil, err
	}
	rows := make([][]float32, shape[0])
	length := len(values) / len(rows)
	for at := range rows {
		rows[at] = values[at*length : (at+1)*length]
	}
	return rows, nil
}

// Copy makes a second tensor with the same numbers: for a model that gets a tensor which is needed again.
func (tensor *Tensor) Copy() (*Tensor, error) {
	return NewTensor(tensor.Shape(), tensor.Type(), tensor.Bytes())
}

func tensorsFrom(raw []types.Tuple2[string, *wasi_nn_tensor.Tensor]) Tensors {
	tensors := make(Tensors, len(raw))
	for at, named := range raw {
		tensors[at] = NamedTensor{named.F0, newTensor(named.F1)}
	}
	return tensors
}
