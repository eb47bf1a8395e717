package jsonschema

import (
	"encoding"
	"encoding/json"
	"reflect"
	"strings"
	"time"
)

// Of is the schema of what encoding/json writes of a type: its fields by their tags, nothing
// beside them. Named structs are among defs, and are referred to.
func Of(t reflect.Type, defs map[string]any) map[string]any {
	switch {
	case t == reflect.TypeFor[time.Time]():
		return map[string]any{"type": "string", "format": "date-time"}
	case t == reflect.TypeFor[time.Duration]():
		return map[string]any{"type": "integer", "description": "nanoseconds"}
	case t == reflect.TypeFor[json.RawMessage](), t.Kind() == reflect.Interface:
		return map[string]any{} // anything
	case t.Kind() == reflect.Pointer:
		return Of(t.Elem(), defs)
	case t.Implements(reflect.TypeFor[encoding.TextMarshaler]()):
		return map[string]any{"type": "string"}
	case t.Implements(reflect.TypeFor[json.Marshaler]()):
		return map[string]any{}
	}
	switch t.Kind() {
	case reflect.String:
		return map[string]any{"type": "string"}
	case reflect.Bool:
		return map[string]any{"type": "boolean"}
	case reflect.Float32, reflect.Float64:
		return map[string]any{"type": []any{"integer", "number"}}
	case reflect.Slice, reflect.Array:
		if t.Elem().Kind() == reflect.Uint8 {
			return map[string]any{"type": "string", "contentEncoding": "base64"}
		}
		return map[string]any{"type": []any{"array", "null"}, "items": Of(t.Elem(), defs)}
	case reflect.Map:
		return map[string]any{"type": "object", "additionalProperties": Of(t.Elem(), defs)}
	case reflect.Struct:
		return ofStruct(t, defs)
	}
	return map[string]any{"type": "integer"}
}

func ofStruct(t reflect.Type, defs map[string]any) map[string]any {
	name := t.Name()
	if name != "" {
		name = t.String() // with its package: two may have one name
		if defs[name] != nil {
			return map[string]any{"$ref": "#/$defs/" + name}
		}
		defs[name] = map[string]any{} // it may hold itself
	}
	properties, required := map[string]any{}, []any{}
	addFields(t, defs, properties, &required)
	schema := map[string]any{"type": "object", "additionalProperties": false, "required": required,
		"properties": properties}
	if name == "" {
		return schema
	}
	defs[name] = schema
	return map[string]any{"$ref": "#/$defs/" + name}
}

// addFields adds the fields of a struct, those of embedded ones among them.
func addFields(t reflect.Type, defs, properties map[string]any, required *[]any) {
	for f := range t.Fields() {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		embedded := f.Type
		if embedded.Kind() == reflect.Pointer {
			embedded = embedded.Elem()
		}
		switch {
		case name == "-":
			continue
		case f.Anonymous && name == "" && embedded.Kind() == reflect.Struct:
			addFields(embedded, defs, properties, required)
			continue
		case !f.IsExported():
			continue
		case name == "":
			name = f.Name
		}
		properties[name] = Of(f.Type, defs)
		if !strings.Contains(options, "omit") {
			*required = append(*required, name)
		}
	}
}
