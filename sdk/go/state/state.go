// Package state is what a monitor remembers between frames. The host keeps it; it survives recycled instances and restarts,
// and it changes only where the call succeeds. Needs the capability state.
package state

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"

	"assay"
	"assay/internal/gen/assay_plugin_state"
	"assay/internal/wit/runtime"
	"assay/internal/wit/types"
)

// Get gives the bytes under a key; false where there are none.
func Get(key string) ([]byte, bool) {
	found := assay_plugin_state.Get(key)
	runtime.Unpin()
	if found.Tag() == types.OptionNone {
		return nil, false
	}
	return found.Some(), true
}

// Set keeps bytes under a key; assay.ErrLimit where the plugin's limit state_bytes would be passed.
func Set(key string, value []byte) error {
	answer := assay_plugin_state.Set(key, value)
	runtime.Unpin()
	if answer.Tag() == types.ResultOk {
		return nil
	}
	err := answer.Err()
	text := ""
	switch err.Tag() {
	case assay_plugin_state.StateErrorLimit:
		text = err.Limit()
	default:
		text = err.Other()
	}
	return limit(text)
}

type limit string

func (text limit) Error() string { return string(text) }
func (limit) Unwrap() error      { return assay.ErrLimit }

// Delete forgets a key.
func Delete(key string) {
	assay_plugin_state.Delete(key)
}

// GetNumbers gives the numbers under a key; none where there are none, or the bytes are no numbers.
func GetNumbers(key string) []float64 {
	data, _ := Get(key)
	if len(data)%8 != 0 {
		return nil
	}
	values := make([]float64, len(data)/8)
	for at := range values {
		values[at] = math.Float64frombits(binary.LittleEndian.Uint64(data[8*at:]))
	}
	return values
}

// SetNumbers keeps numbers under a key, 8 bytes each.
func SetNumbers(key string, values ...float64) error {
	data := make([]byte, 0, 8*len(values))
	for _, value := range values {
		data = binary.LittleEndian.AppendUint64(data, math.Float64bits(value))
	}
	return Set(key, data)
}

// GetJSON fills a value with what SetJSON kept, and leaves it as it is where there is nothing, or nothing that fits.
func GetJSON[T any](key string, value *T) {
	var found T
	if data, there := Get(key); there && json.Unmarshal(data, &found) == nil {
		*value = found
	}
}

// SetJSON keeps what JSON can say.
func SetJSON(key string, value any) error {
	data, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("state %s: %w", key, err)
	}
	return Set(key, data)
}
