// Package jsonschema holds what programs print to the schemas in docs, in tests. It knows as much
// of JSON Schema as those use, and refuses a schema that uses more.
package jsonschema

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"reflect"
	"slices"
	"strings"
	"time"
)

// Schema is a schema, read.
type Schema struct{ root map[string]any }

// Load reads a schema from its file.
func Load(file string) (s Schema, err error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return s, err
	}
	return s, json.Unmarshal(data, &s.root)
}

// At is the schema of one of the $defs.
func (s Schema) At(name string) Schema {
	def, _ := s.root["$defs"].(map[string]any)[name].(map[string]any)
	whole := map[string]any{"$defs": s.root["$defs"]}
	for keyword, rule := range def {
		whole[keyword] = rule
	}
	return Schema{whole}
}

// Check says where a value departs from the schema.
func (s Schema) Check(value any) error {
	data, err := json.Marshal(value)
	if err != nil {
		return err
	}
	var v any
	if err := json.Unmarshal(data, &v); err != nil {
		return err
	}
	return s.against(s.root, v, "$")
}

func (s Schema) against(rule map[string]any, v any, at string) error {
	for keyword, want := range rule {
		switch keyword {
		case "$schema", "$id", "$defs", "title", "description", "contentEncoding", "required":
		case "additionalProperties": // false is what properties checks anyway
			if each, ok := want.(map[string]any); ok {
				object, _ := v.(map[string]any)
				for name, one := range object {
					if err := s.against(each, one, at+"."+name); err != nil {
						return err
					}
				}
			}
		case "$ref":
			def := s.root["$defs"].(map[string]any)[strings.TrimPrefix(want.(string), "#/$defs/")]
			if err := s.against(def.(map[string]any), v, at); err != nil {
				return err
			}
		case "oneOf", "anyOf":
			var errs []string
			for _, one := range want.([]any) {
				if err := s.against(one.(map[string]any), v, at); err != nil {
					errs = append(errs, err.Error())
				}
			}
			if matched := len(want.([]any)) - len(errs); matched == 0 || keyword == "oneOf" && matched > 1 {
				return fmt.Errorf("%s is not one of its forms: %s", at, strings.Join(errs, "; "))
			}
		case "type":
			kind := map[reflect.Kind]string{reflect.String: "string", reflect.Bool: "boolean",
				reflect.Map: "object", reflect.Slice: "array", reflect.Invalid: "null"}[reflect.ValueOf(v).Kind()]
			if n, ok := v.(float64); ok && n == math.Trunc(n) {
				kind = "integer"
			}
			kinds, several := want.([]any)
			if want != kind && !(several && slices.Contains(kinds, any(kind))) {
				return fmt.Errorf("%s is a %s, not a %v", at, kind, want)
			}
		case "const":
			if v != want {
				return fmt.Errorf("%s is %v, not %v", at, v, want)
			}
		case "enum":
			if !slices.Contains(want.([]any), v) {
				return fmt.Errorf("%s is %v, none of %v", at, v, want)
			}
		case "format":
			if _, err := time.Parse(time.RFC3339, fmt.Sprint(v)); err != nil {
				return fmt.Errorf("%s: %w", at, err)
			}
		case "minItems":
			if list, ok := v.([]any); ok && float64(len(list)) < want.(float64) {
				return fmt.Errorf("%s has %d elements", at, len(list))
			}
		case "items":
			list, _ := v.([]any)
			for i, one := range list {
				if err := s.against(want.(map[string]any), one, fmt.Sprintf("%s[%d]", at, i)); err != nil {
					return err
				}
			}
		case "properties":
			object, ok := v.(map[string]any)
			if !ok {
				return fmt.Errorf("%s is not an object", at)
			}
			for _, name := range asList(rule["required"]) {
				if _, ok := object[name.(string)]; !ok {
					return fmt.Errorf("%s has no %s", at, name)
				}
			}
			for name, one := range object {
				sub, ok := want.(map[string]any)[name].(map[string]any)
				if !ok {
					return fmt.Errorf("%s has a %s that the schema does not know", at, name)
				}
				if err := s.against(sub, one, at+"."+name); err != nil {
					return err
				}
			}
		default:
			return fmt.Errorf("%s: the test does not know the keyword %s", at, keyword)
		}
	}
	return nil
}

func asList(v any) []any { list, _ := v.([]any); return list }
