// Package settings reads the plugin's own settings: the defaults of its manifest with the recipe's values over them. Needs
// the capability config.
//
//	read := settings.Read()
//	low := read.Number("low", settings.Or(40.0), settings.Between(0, 255))
//	name := read.Text("input", settings.Or("input"))
//	return &plugin{low, name}, read.Err()
//
// The first setting that cannot be used is the error, assay.ErrBadSetting with its key, what was expected and what was found.
// Without Or a setting has to be there.
package settings

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"assay"
	"assay/internal/gen/assay_plugin_config"
	"assay/internal/wit/runtime"
	"assay/internal/wit/types"
)

// Rule says more of a setting.
type Rule func(*rules)

type rules struct {
	standard  any
	low, high float64
	choices   []string
}

// Or is the value where neither manifest nor recipe has one, of the type that the setting is read as.
func Or[T float64 | int | bool | string | []float64 | []string](value T) Rule {
	return func(rules *rules) { rules.standard = value }
}

// Between says from where to where a number has to lie.
func Between(low, high float64) Rule {
	return func(rules *rules) { rules.low, rules.high = low, high }
}

// OneOf says which texts there may be.
func OneOf(choices ...string) Rule {
	return func(rules *rules) { rules.choices = choices }
}

// Reader reads settings, and keeps the first error.
type Reader struct {
	err error
}

// Read begins.
func Read() *Reader {
	return &Reader{}
}

// Err is the first error, or nil.
func (reader *Reader) Err() error {
	return reader.err
}

// Number reads a finite number.
func (reader *Reader) Number(key string, given ...Rule) float64 {
	rules := rulesOf(math.Inf(-1), math.Inf(1), given)
	expected := "a number" + rules.between()
	value := reader.value(key, rules)
	number, fits := numberOf(value)
	if fits && number >= rules.low && number <= rules.high {
		return number
	}
	reader.wrong(key, expected, value)
	return 0
}

// Integer reads a whole number, 0 or more where nothing else is said.
func (reader *Reader) Integer(key string, given ...Rule) int {
	rules := rulesOf(0, math.MaxInt64, given)
	expected := fmt.Sprintf("a whole number from %s to %s", short(rules.low), short(rules.high))
	if rules.high == math.MaxInt64 {
		expected = fmt.Sprintf("a whole number from %s", short(rules.low))
	}
	value := reader.value(key, rules)
	number, fits := value.(int)
	if fits && float64(number) >= rules.low && float64(number) <= rules.high {
		return number
	}
	reader.wrong(key, expected, value)
	return 0
}

// Flag reads true or false.
func (reader *Reader) Flag(key string, given ...Rule) bool {
	value := reader.value(key, rulesOf(0, 0, given))
	flag, fits := value.(bool)
	if !fits {
		reader.wrong(key, "true or false", value)
	}
	return flag
}

// Text reads a text.
func (reader *Reader) Text(key string, given ...Rule) string {
	rules := rulesOf(0, 0, given)
	expected := "a text"
	if len(rules.choices) > 0 {
		expected = strings.Join(rules.choices, " or ")
	}
	value := reader.value(key, rules)
	text, fits := value.(string)
	if !fits || (len(rules.choices) > 0 && !slices.Contains(rules.choices, text)) {
		reader.wrong(key, expected, value)
		return ""
	}
	return text
}

// Numbers reads a list of numbers; one number is a list of one.
func (reader *Reader) Numbers(key string, given ...Rule) []float64 {
	const expected = "a number or a list of numbers"
	value := reader.value(key, rulesOf(0, 0, given))
	if number, fits := numberOf(value); fits {
		return []float64{number}
	}
	switch found := value.(type) {
	case []float64:
		return found
	case []string:
		if len(found) == 0 {
			return nil
		}
	}
	reader.wrong(key, expected, value)
	return nil
}

// Texts reads a list of texts.
func (reader *Reader) Texts(key string, given ...Rule) []string {
	const expected = "a list of texts"
	value := reader.value(key, rulesOf(0, 0, given))
	switch found := value.(type) {
	case []string:
		return found
	case []float64:
		if len(found) == 0 {
			return nil
		}
	}
	reader.wrong(key, expected, value)
	return nil
}

// JSON fills a value with a setting's JSON text: for tables and lists of tables. It stays as it is where there is none.
func (reader *Reader) JSON(key string, value any) {
	found := assay_plugin_config.Get(key)
	runtime.Unpin()
	if found.Tag() == types.OptionNone {
		return
	}
	if err := json.Unmarshal([]byte(found.Some()), value); err != nil && reader.err == nil {
		reader.err = assay.BadSetting(key, "another form: "+err.Error(), found.Some())
	}
}

// Labels gives the labels of the recipe's model, in the order of its outputs.
func Labels() []string {
	labels := assay_plugin_config.Labels()
	runtime.Unpin()
	return labels
}

func rulesOf(low, high float64, given []Rule) rules {
	rules := rules{low: low, high: high}
	for _, rule := range given {
		rule(&rules)
	}
	return rules
}

func (rules rules) between() string {
	if math.IsInf(rules.low, 0) && math.IsInf(rules.high, 0) {
		return ""
	}
	return " from " + short(rules.low) + " to " + short(rules.high)
}

// What the setting is, or its standard value; nil where there is neither.
func (reader *Reader) value(key string, rules rules) any {
	found := assay_plugin_config.Setting(key)
	runtime.Unpin()
	if found.Tag() == types.OptionSome {
		return plain(found.Some())
	}
	return rules.standard
}

func (reader *Reader) wrong(key, expected string, found any) {
	if reader.err == nil {
		reader.err = assay.BadSetting(key, expected, shown(found))
	}
}

// JSON text is for types that come later: nothing here reads one.
type later string

func plain(value assay_plugin_config.Value) any {
	switch value.Tag() {
	case assay_plugin_config.ValueFlag:
		return value.Flag()
	case assay_plugin_config.ValueInteger:
		return int(value.Integer())
	case assay_plugin_config.ValueNumber:
		return value.Number()
	case assay_plugin_config.ValueText:
		return value.Text()
	case assay_plugin_config.ValueNumbers:
		return value.Numbers()
	case assay_plugin_config.ValueTexts:
		return value.Texts()
	default:
		return later(value.Other())
	}
}

func numberOf(value any) (float64, bool) {
	switch number := value.(type) {
	case int:
		return float64(number), true
	case float64:
		return number, !math.IsNaN(number) && !math.IsInf(number, 0)
	default:
		return 0, false
	}
}

func short(number float64) string {
	return strconv.FormatFloat(number, 'g', -1, 64)
}

// As JSON writes it. The package encoding/json would add a megabyte to plugins that need it for nothing else.
func shown(value any) string {
	switch value := value.(type) {
	case nil:
		return "nothing"
	case later:
		return string(value)
	case float64:
		return short(value)
	case string:
		return strconv.Quote(value)
	case []float64:
		return list(value, short)
	case []string:
		return list(value, strconv.Quote)
	default:
		return fmt.Sprint(value)
	}
}

func list[T any](values []T, write func(T) string) string {
	texts := make([]string, len(values))
	for at, value := range values {
		texts[at] = write(value)
	}
	return "[" + strings.Join(texts, ", ") + "]"
}
