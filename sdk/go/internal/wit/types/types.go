// Package types holds what the generated bindings make of WIT's option, result and tuple. It takes the place of
// go.bytecodealliance.org/pkg/wit/types, so that a plugin needs no module from anywhere else.
package types

// Unit is the value of a result that has none.
type Unit struct{}

// Tuple2 is a tuple of two.
type Tuple2[A, B any] struct {
	F0 A
	F1 B
}

// What Option.Tag answers.
const (
	OptionNone uint8 = 0
	OptionSome uint8 = 1
)

// Option is a value or none.
type Option[T any] struct {
	there bool
	value T
}

// None is no value.
func None[T any]() Option[T] {
	return Option[T]{}
}

// Some is a value.
func Some[T any](value T) Option[T] {
	return Option[T]{true, value}
}

// Tag says whether there is a value.
func (option Option[T]) Tag() uint8 {
	if option.there {
		return OptionSome
	}
	return OptionNone
}

// Some gives the value; there has to be one.
func (option Option[T]) Some() T {
	if !option.there {
		panic("an option without a value was asked for it")
	}
	return option.value
}

// What Result.Tag answers.
const (
	ResultOk  uint8 = 0
	ResultErr uint8 = 1
)

// Result is a value or an error.
type Result[T, E any] struct {
	failed bool
	value  T
	err    E
}

// Ok is a value.
func Ok[T, E any](value T) Result[T, E] {
	return Result[T, E]{value: value}
}

// Err is an error.
func Err[T, E any](err E) Result[T, E] {
	return Result[T, E]{failed: true, err: err}
}

// Tag says which of the two it is.
func (result Result[T, E]) Tag() uint8 {
	if result.failed {
		return ResultErr
	}
	return ResultOk
}

// Ok gives the value; it has to be one.
func (result Result[T, E]) Ok() T {
	if result.failed {
		panic("a failed result was asked for its value")
	}
	return result.value
}

// Err gives the error; it has to be one.
func (result Result[T, E]) Err() E {
	if !result.failed {
		panic("a good result was asked for its error")
	}
	return result.err
}
