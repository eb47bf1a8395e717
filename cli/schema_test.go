package cli

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/internal/jsonschema"
	"github.com/igc-lab/igc/internal/labtest"
	"github.com/igc-lab/igc/services/psc"
)

const schemaFile = "../docs/json.schema.json"

// What every command prints with --json is as docs/json.schema.json says, which is made from the
// types that are printed (-update writes it). igc inspect has a schema of its own.
func TestJSONSchema(t *testing.T) {
	l := labtest.New(t, "--key", "p256", "--gamme", "FO")
	alain := l.Issue("--fixture", "alain")
	t.Setenv("IGC_HOME", l.Home)
	t.Setenv("IGC_LANG", "en")
	dir := t.TempDir()
	file := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	cards := file("cards.csv", "card;fixture\ncps;guy\n")
	people := file("people.csv", "rpps;nom\n99700999131;Petit\n")
	certificate := alain.File("authentication.pem")

	l.Must("psc", "client", "add", "app", "--redirect", "https://app.example/cb")
	l.Must("ecps", "activate", "899700999909", "--pin", "1234")
	l.Must("ecps", "policy", "approve", "--client", "app")
	answer := file("tokens.json", l.Must("psc", "login", "--client", "app", "--as", "899700999909"))

	types := map[string][]reflect.Type{
		"igc list":  {reflect.TypeFor[[]ca.Record]()},
		"igc audit": {reflect.TypeFor[store.Change]()},
		"igc psc":   {reflect.TypeFor[psc.Call]()}, // requests, of a running server
	}
	var last string
	printed = func(command string, facts any) {
		last = command
		if t := reflect.TypeOf(facts); !slices.Contains(types[command], t) {
			types[command] = append(types[command], t)
		}
	}
	defer func() { printed = func(string, any) {} }()
	outputs := map[string][]string{} // by command
	for _, args := range [][]string{
		{"--home", filepath.Join(dir, "another"), "init", "--key", "p256", "--gamme", "FO"},
		{"issue", "--batch", cards, "--check"},
		{"issue", "--batch", cards},
		{"issue", "--fixture", "max"},
		{"renew", alain.CardNumber},
		{"list"}, {"list", "--der", "--all"}, {"show", alain.Certificates[0].Serial}, {"show", "ACI-FO-PP"},
		{"revoke", alain.Certificates[0].Serial, "--reason", "superseded"},
		{"revoke", alain.Certificates[1].Serial, "--reason", "certificateHold"},
		{"unhold", alain.Certificates[1].Serial},
		{"audit", "--limit", "0"},
		{"audit", "verify"},
		{"publish"},
		{"recover", "--dry-run"},
		{"lint", certificate},
		{"codes", "G15"},
		{"people", "list"}, {"people", "show", "899700999909"}, {"people", "show", "ANS20261122010101"},
		{"people", "set", "899700999966", "--no-activity"},
		{"people", "generate", "30", "--seed", "7", "--cards", "1"}, {"people", "generate", "--remove"},
		{"people", "import", people},
		{"outbox", "send", "--mail", "a@example.fr", "--subject", "x", "y"}, {"outbox", "list"},
		{"outbox", "show", "--last"}, {"outbox", "wait"},
		{"fixtures", "list"},
		{"card", "list"},
		{"card", "insert", alain.CardNumber},
		{"card", "remove", alain.CardNumber},
		{"card", "export", alain.CardNumber, "--p12-modern", "--pin", alain.PIN, "--out", dir},
		{"card", "letter", alain.CardNumber},
		{"card", "renew", alain.CardNumber, "--revoke-old"}, {"card", "renew", "last"},
		{"card", "lose", "last", "--without-code", "x", "--replace"},
		{"ecps", "activate", "899700209812", "--pin", "1234"}, {"ecps", "list"}, {"ecps", "pending"},
		{"ecps", "policy", "approve", "--client", "igc"}, {"ecps", "ask", "899700209812"},
		{"ecps", "policy", "--remove", "--client", "igc"}, {"ecps", "ask", "899700209812", "--no-wait"},
		{"ecps", "approve", "899700209812"},
		{"ecps", "ask", "899700209812", "--no-wait"}, {"ecps", "refuse", "899700209812"},
		{"ecps", "show", "899700209812"}, {"ecps", "policy", "approve"},
		{"psc", "client", "add", "lgc", "--redirect", "http://localhost:3000/cb"},
		{"psc", "client", "add", "server", "--mtls"}, {"psc", "client", "list"}, {"psc", "client", "show", "lgc"},
		{"psc", "client", "set", "lgc", "--name", "LGC"}, {"psc", "client", "secret", "lgc"},
		{"psc", "set", "acr=by_mode", "fault.token=503"}, {"psc", "clock", "+1m"},
		{"psc", "login", "--client", "lgc", "--as", "899700209812"}, {"psc", "token", answer},
		{"role", "add", "mandataire", "899700209812", "--structure", "10B0057881"}, {"role", "list"},
		{"role", "remove", "mandataire", "899700209812", "--structure", "10B0057881"},
		{"backup", filepath.Join(dir, "backup.tar")},
		{"--home", filepath.Join(dir, "restored"), "restore", filepath.Join(dir, "backup.tar")},
		{"token", "add", "ci", "--scope", "orders:read", "--role", "admin"}, {"token", "list"},
		{"ecps", "expire", "899700209812"}, {"ecps", "delete", "899700209812"},
		{"doctor"},
	} {
		var out, errOut bytes.Buffer
		last = "igc " + args[0]
		code := Main(append([]string{"igc"}, append(args, "--json")...), strings.NewReader(""), &out, &errOut)
		if code != 0 && last != "igc doctor" && last != "igc lint" { // these report what they find by it
			t.Errorf("igc %s: exit code %d: %s", strings.Join(args, " "), code, errOut.String())
			continue
		}
		outputs[last] = append(outputs[last], out.String())
	}

	defs := map[string]any{}
	for command, kinds := range types {
		var forms []any
		for _, kind := range kinds {
			forms = append(forms, jsonschema.Of(kind, defs))
		}
		schema := map[string]any{"anyOf": forms}
		if len(forms) == 1 {
			schema = forms[0].(map[string]any)
		}
		defs[command] = maps.Clone(schema)
		defs[command].(map[string]any)["title"] = command + " --json"
	}
	whole := map[string]any{"$schema": "https://json-schema.org/draft/2020-12/schema",
		"$id":   "https://github.com/igc-lab/igc/docs/json.schema.json",
		"title": "igc COMMAND --json",
		"description": "What each command prints with --json, below $defs by its name. igc list prints an array, " +
			"igc audit and igc psc requests an object a line, igc psc token an object a token. " +
			"igc inspect has inspect.schema.json.",
		"$defs": defs}
	data, err := json.MarshalIndent(whole, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	data = append(data, '\n')
	if *update {
		if err := os.WriteFile(schemaFile, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want, err := os.ReadFile(schemaFile); err != nil || !bytes.Equal(data, want) {
		t.Errorf("%s is not what the commands print (%v): go test ./cli -run JSONSchema -update", schemaFile, err)
	}
	schema, err := jsonschema.Load(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	for command, list := range outputs {
		for _, out := range list {
			dec := json.NewDecoder(strings.NewReader(out))
			n := 0
			for ; ; n++ {
				var v any
				if err := dec.Decode(&v); err == io.EOF {
					break
				} else if err != nil {
					t.Errorf("%s: %v in %s", command, err, out)
					break
				}
				if err := schema.At(command).Check(v); err != nil {
					t.Errorf("%s: %v\n%.400s", command, err, out)
				}
			}
			if n == 0 {
				t.Errorf("%s printed nothing", command)
			}
		}
	}
}
