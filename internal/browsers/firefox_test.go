package browsers

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/igc-lab/igc/internal/labtest"
	"github.com/igc-lab/igc/internal/peer"
	"github.com/igc-lab/igc/verify"
)

// TestFirefox visits TestSSL with Firefox, driven by its own Marionette: the same visits, the same
// ends.
func TestFirefox(t *testing.T) {
	for _, program := range []string{"firefox-esr", "certutil", "pk12util"} {
		peer.Need(t, program)
	}
	exclusiveBrowsers(t)
	s := openStand(t)
	for _, visit := range visits {
		if visit.hidden { // nothing of the browser's is in them
			continue
		}
		t.Run(visit.name, func(t *testing.T) {
			t.Parallel()
			f := newFirefox(t, s.root, s.pkcs12(t, visit.fixture)...)
			f.call("WebDriver:Navigate", map[string]any{"url": s.urls[visit.condition][visit.mode]})
			const shown = `return document.documentElement.lang + " " + (document.querySelector(".verdict .code")?.innerText ??
				document.querySelector("#verification")?.innerText)`
			want := "fr " + string(visit.code)
			if visit.code == verify.OK {
				want = "fr SUCCESS"
			}
			if got := f.evaluate(shown); got != want {
				t.Errorf("the page shows %q, want %q", got, want)
			}
			if title := f.evaluate("return document.title"); title != string(visit.code)+" — TESTSSL" {
				t.Errorf("its title is %q", title)
			}
			if len(visit.looks) > 1 {
				f.photograph("firefox-" + visit.name)
			}
		})
	}
}

// firefox is a Firefox of its own, spoken to over Marionette (a length, a colon and JSON, both
// ways).
type firefox struct {
	t    testing.TB
	conn net.Conn
	in   *bufio.Reader
	id   int
}

// newFirefox starts Firefox with a profile where the roots are trusted and the cards are imported.
// It presents a card by itself: headless, it would otherwise wait for a choice that nobody makes.
func newFirefox(t testing.TB, roots string, cards ...imported) *firefox {
	t.Helper()
	profile := t.TempDir()
	fillNSS(t, profile, roots, cards)
	unasked := map[string]any{"security.default_personal_cert": "Select Automatically"}
	f := startFirefox(t, profile, append(os.Environ(), "HOME="+profile), unasked, "--headless")
	f.call("WebDriver:NewSession", map[string]any{})
	return f
}

// startFirefox starts Firefox with that profile and those preferences, and some that keep it quiet.
func startFirefox(t testing.TB, profile string, env []string, preferences map[string]any, args ...string) *firefox {
	t.Helper()
	marionette := labtest.FreePorts(t)
	var prefs strings.Builder
	all := map[string]any{"marionette.port": json.Number(marionette),
		"intl.accept_languages": "fr-FR, fr", "browser.shell.checkDefaultBrowser": false, "datareporting.policy.dataSubmissionEnabled": false,
		"toolkit.telemetry.reportingpolicy.firstRun": false, "network.captive-portal-service.enabled": false, "network.connectivity-service.enabled": false,
		"app.update.enabled": false, "services.settings.server": "", "browser.safebrowsing.update.enabled": false}
	maps.Copy(all, preferences)
	for name, value := range all {
		encoded, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&prefs, "user_pref(%q, %s);\n", name, encoded)
	}
	labtest.Write(t, filepath.Join(profile, "user.js"), []byte(prefs.String()))

	cmd := exec.Command(peer.Need(t, "firefox-esr"), append(args, "--no-remote", "--marionette", "--profile",
		profile)...)
	cmd.Env = append(env, "MOZ_CRASHREPORTER_DISABLE=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // it has children, and all are to end before the profile is removed
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		cmd.Wait()
	})
	f := &firefox{t: t}
	for start := time.Now(); ; time.Sleep(100 * time.Millisecond) {
		conn, err := net.Dial("tcp", "127.0.0.1:"+marionette)
		if err == nil {
			f.conn, f.in = conn, bufio.NewReader(conn)
			break
		}
		if time.Since(start) > labtest.Patience {
			t.Fatal("Firefox does not listen")
		}
	}
	t.Cleanup(func() { f.conn.Close() })
	f.read() // it says who it is
	return f
}

func (f *firefox) read() []byte {
	f.t.Helper()
	f.conn.SetDeadline(time.Now().Add(labtest.Patience))
	length, err := f.in.ReadString(':')
	if err != nil {
		f.t.Fatal(err)
	}
	n, err := strconv.Atoi(strings.TrimSuffix(length, ":"))
	if err != nil {
		f.t.Fatal(err)
	}
	message := make([]byte, n)
	if _, err := io.ReadFull(f.in, message); err != nil {
		f.t.Fatal(err)
	}
	return message
}

// call has Firefox do something, and returns the value of its answer.
func (f *firefox) call(command string, parameters map[string]any) json.RawMessage {
	f.t.Helper()
	value, err := f.ask(command, parameters)
	if err != nil {
		f.t.Fatal(err)
	}
	return value
}

// ask is call for what Firefox may refuse.
func (f *firefox) ask(command string, parameters map[string]any) (json.RawMessage, error) {
	f.t.Helper()
	f.id++
	message, err := json.Marshal([]any{0, f.id, command, parameters})
	if err != nil {
		f.t.Fatal(err)
	}
	if _, err := fmt.Fprintf(f.conn, "%d:%s", len(message), message); err != nil {
		f.t.Fatal(err)
	}
	var answer [4]json.RawMessage // 1, the command's number, an error, a result
	if err := json.Unmarshal(f.read(), &answer); err != nil {
		f.t.Fatal(err)
	}
	if string(answer[2]) != "null" {
		return nil, fmt.Errorf("%s: %.500s", command, answer[2])
	}
	var result struct{ Value json.RawMessage }
	json.Unmarshal(answer[3], &result) // a new session's has no value
	return result.Value, nil
}

func (f *firefox) evaluate(script string) (text string) {
	f.t.Helper()
	value := f.call("WebDriver:ExecuteScript", map[string]any{"script": script, "args": []any{}})
	if err := json.Unmarshal(value, &text); err != nil {
		f.t.Fatalf("%s: %v", value, err)
	}
	return text
}

func (f *firefox) photograph(name string) {
	f.t.Helper()
	var encoded string
	if err := json.Unmarshal(f.call("WebDriver:TakeScreenshot", map[string]any{"full": true}), &encoded); err != nil {
		f.t.Fatal(err)
	}
	picture, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		f.t.Fatal(err)
	}
	labtest.Write(f.t, filepath.Join(screenshots(f.t), name+".png"), picture)
}
