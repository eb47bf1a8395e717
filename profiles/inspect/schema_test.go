package inspect

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// schema is docs/inspect.schema.json, checked with as much of JSON Schema as it uses.
type schema struct{ root map[string]any }

func loadSchema(t testing.TB) schema {
	t.Helper()
	data, err := os.ReadFile("../../docs/inspect.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	var s schema
	if err := json.Unmarshal(data, &s.root); err != nil {
		t.Fatal(err)
	}
	return s
}

// check says where a value departs from the schema.
func (s schema) check(value any) error {
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

func (s schema) against(rule map[string]any, v any, at string) error {
	for keyword, want := range rule {
		switch keyword {
		case "$schema", "$id", "$defs", "title", "description", "contentEncoding", "required", "additionalProperties":
		case "$ref":
			def := s.root["$defs"].(map[string]any)[strings.TrimPrefix(want.(string), "#/$defs/")]
			if err := s.against(def.(map[string]any), v, at); err != nil {
				return err
			}
		case "oneOf":
			var errs []string
			for _, one := range want.([]any) {
				if err := s.against(one.(map[string]any), v, at); err != nil {
					errs = append(errs, err.Error())
				}
			}
			if len(errs) != len(want.([]any))-1 {
				return fmt.Errorf("%s is not one of its forms: %s", at, strings.Join(errs, "; "))
			}
		case "type":
			kind := map[reflect.Kind]string{reflect.String: "string", reflect.Bool: "boolean", reflect.Map: "object", reflect.Slice: "array", reflect.Invalid: "null"}[reflect.ValueOf(v).Kind()]
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
				return fmt.Errorf("%s is no object", at)
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

// The schema refuses what it should: a field that it does not know, one that is missing, one of another type.
func TestSchemaRefuses(t *testing.T) {
	s := loadSchema(t)
	good := map[string]any{"kind": "private-key", "in": "DER", "what": map[string]any{"fr": "a", "en": "b"}}
	if err := s.check([]any{good}); err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]any{"secret": "x", "in": "ZIP", "what": "x", "encrypted": 1} {
		bad := map[string]any{"kind": "private-key", "in": "DER", "what": map[string]any{"fr": "a", "en": "b"}}
		bad[name] = value
		if s.check([]any{bad}) == nil {
			t.Errorf("%s = %v passes", name, value)
		}
	}
	delete(good, "what")
	if s.check([]any{good}) == nil || s.check([]any{}) == nil {
		t.Error("what is missing passes")
	}
}
