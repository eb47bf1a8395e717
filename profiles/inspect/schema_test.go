package inspect

import (
	"testing"

	"github.com/igc-lab/igc/internal/jsonschema"
)

func loadSchema(t testing.TB) jsonschema.Schema {
	t.Helper()
	s, err := jsonschema.Load("../../docs/inspect.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// The schema refuses what it should: a field that it does not know, one that is missing, one of
// another type.
func TestSchemaRefuses(t *testing.T) {
	s := loadSchema(t)
	good := map[string]any{"kind": "private-key", "in": "DER", "what": map[string]any{"fr": "a", "en": "b"}}
	if err := s.Check([]any{good}); err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]any{"secret": "x", "in": "ZIP", "what": "x", "encrypted": 1} {
		bad := map[string]any{"kind": "private-key", "in": "DER", "what": map[string]any{"fr": "a", "en": "b"}}
		bad[name] = value
		if s.Check([]any{bad}) == nil {
			t.Errorf("%s = %v passes", name, value)
		}
	}
	delete(good, "what")
	if s.Check([]any{good}) == nil || s.Check([]any{}) == nil {
		t.Error("what is missing passes")
	}
}
