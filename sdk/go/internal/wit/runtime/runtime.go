// Package runtime gives the generated bindings their memory and their handles. It takes the place of
// go.bytecodealliance.org/pkg/wit/runtime, so that a plugin needs no module from anywhere else.
package runtime

import (
	"runtime"
	"unsafe"
)

// A place for what has no size: the host wants an address that is aligned and inside the memory.
var nothing uint64

// Allocate gives memory that the collector leaves alone until the pinner lets go of it. The alignment is 8 at the most.
func Allocate(pinner *runtime.Pinner, size, _ uintptr) unsafe.Pointer {
	if size == 0 {
		return unsafe.Pointer(&nothing)
	}
	words := make([]uint64, (size+7)/8)
	memory := unsafe.Pointer(unsafe.SliceData(words))
	pinner.Pin(memory)
	return memory
}

// What the host wrote while it called or answered.
var received runtime.Pinner

// Unpin leaves what the host wrote to the collector: whoever needs it refers to it by now.
func Unpin() {
	received.Unpin()
}

// Memory for what the host hands over: it asks for new memory only.
//
//go:wasmexport cabi_realloc
func reallocate(old unsafe.Pointer, oldSize, alignment, size uintptr) unsafe.Pointer {
	if old != nil || oldSize != 0 {
		panic("the host wants memory to grow, which it never does")
	}
	return Allocate(&received, size, alignment)
}

// Handle is something that the host holds.
type Handle struct {
	value int32
}

// MakeHandle takes it over.
func MakeHandle(value int32) *Handle {
	return &Handle{value}
}

// Live says whether it may still be used.
func (handle *Handle) Live() bool {
	return handle.value != 0
}

// Use gives it for one call of the host.
func (handle *Handle) Use() int32 {
	if handle.value == 0 {
		panic("a picture or tensor was used after it was closed, handed to a model or to the station, or after its call ended")
	}
	return handle.value
}

// Take hands it on.
func (handle *Handle) Take() int32 {
	value := handle.Use()
	handle.value = 0
	return value
}

// TakeOrNil hands it on where it is still there; else the answer is 0.
func (handle *Handle) TakeOrNil() int32 {
	value := handle.value
	handle.value = 0
	return value
}

// Set gives a handle that was handed on its value back.
func (handle *Handle) Set(value int32) {
	handle.value = value
}
