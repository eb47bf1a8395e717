package lab

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/igc-lab/igc/ca"
)

// What igc.yaml says of OCSP is read back as it was written, and what makes no sense is refused by
// its name.
func TestOCSPConfig(t *testing.T) {
	config := DefaultConfig()
	config.OCSP = OCSP{Key: "p256", ResponderID: "name", Validity: 90 * time.Minute, Keep: 7,
		StoreGone: 10 * time.Minute, HTTPCache: "until-next-update", ArchiveCutoff: "2557", NeverIssued: "revoked"}
	data, err := config.encode()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "igc.yaml")
	read := func(text string) (Config, error) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return readConfig(path)
	}
	if got, err := read(string(data)); err != nil || !reflect.DeepEqual(got, config) {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err := read("key: p256\n"); err != nil || got.OCSP != DefaultConfig().OCSP {
		t.Errorf("a lab from before OCSP had settings: %+v, %v", got.OCSP, err)
	}
	for _, line := range strings.Split(string(data[strings.Index(string(data), "\nocsp:"):]), "\n")[2:] {
		if line != "" && !strings.Contains(line, " # ") {
			t.Errorf("no comment: %s", line)
		}
	}
	for setting, wrong := range map[string][]string{
		"key": {"rsa1024", "faithful", "''"}, "responder_id": {"hash"}, "validity": {"59s", "73h", "-1h", "soon", "60"}, "keep": {"-1", "10000001", "many"},
		"store_gone": {"0s", "999ms", "73h", "-1s", "true", "never"},
		"http_cache": {"no-store"}, "archive_cutoff": {"0", "-3", "36501", "forever"}, "never_issued": {"good"},
	} {
		for _, value := range wrong {
			if _, err := read("ocsp:\n  " + setting + ": " + value + "\n"); err == nil || ca.KindOf(err) != ca.Invalid {
				t.Errorf("%s: %s is taken (%v)", setting, value, err)
			}
		}
	}
	for _, tc := range []struct {
		ocsp string
		lab  ca.KeyPolicy
		want ca.KeyPolicy
	}{{"lab", ca.Faithful, ca.Faithful}, {"lab", ca.P256, ca.P256}, {"rsa2048", ca.P256, ca.RSA2048}, {"p256", ca.Faithful, ca.P256}} {
		if got := (OCSP{Key: tc.ocsp}).KeyPolicy(tc.lab); got != tc.want {
			t.Errorf("%s in a lab of %s: %s, want %s", tc.ocsp, tc.lab, got, tc.want)
		}
	}
}
