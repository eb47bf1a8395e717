package interop

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/igc-lab/igc/internal/labtest"
	"github.com/igc-lab/igc/internal/peer"
	"github.com/igc-lab/igc/serve"
)

const (
	sharedName  = "lab.example.test"
	sharedFiles = "../../docs/shared-lab/"

	streamModules = "/usr/lib/nginx/modules/" // of Debian
)

// labPorts replaces the default ports of a lab by those of a row.
func labPorts(first string) *strings.Replacer {
	n, _ := strconv.Atoi(first)
	var pairs []string
	for i, e := range serve.Endpoints() {
		_, port, _ := net.SplitHostPort(e.Default())
		pairs = append(pairs, port, strconv.Itoa(n+i))
	}
	return strings.NewReplacer(pairs...)
}

// The commands of docs/shared-lab.md are typed as they stand, but for the ports: names, tokens, a
// call by the lab's name, a copy while it is served, and the lab made of it.
func TestSharedLabRecipes(t *testing.T) {
	for _, program := range []string{"bash", "curl"} {
		peer.Need(t, program)
	}
	headings, commands := recipes(t, "shared-lab")
	if len(commands) != 6 {
		t.Fatalf("%q", headings)
	}
	dir, first := t.TempDir(), labtest.FreePorts(t)
	var resolve strings.Builder
	for i := range serve.Endpoints() {
		n, _ := strconv.Atoi(first)
		fmt.Fprintf(&resolve, "resolve = \"%s:%d:127.0.0.1\"\nfail\n", sharedName, n+i)
	}
	labtest.Write(t, filepath.Join(dir, ".curlrc"), []byte(resolve.String()))
	var script strings.Builder
	script.WriteString("set -eo pipefail; trap 'kill $(jobs -p) 2>/dev/null; wait' EXIT\n")
	typed := 0
	for i, text := range commands {
		if strings.Contains(text, "sudo") || strings.Contains(text, "podman") { // tested below, by other means
			continue
		}
		typed++
		text = labPorts(first).Replace(text)
		text = strings.Replace(text, "igc init ", "igc init --key p256 --port "+first+" ", 1)
		text = strings.Replace(text, "igc serve --exposed &", "igc serve --exposed >log 2>&1 &\n"+
			"for i in $(seq 300); do grep -q Ctrl-C log && break; sleep 0.1; done", 1)
		fmt.Fprintf(&script, "echo '@@@ %d'\n%s\n", i, text)
	}
	cmd := exec.CommandContext(t.Context(), "bash", "-c", script.String())
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "HOME="+dir, "CURL_HOME="+dir, "IGC_HOME="+filepath.Join(dir, "lab"), "IGC_LANG=en",
		"PATH="+filepath.Dir(labtest.Program())+string(filepath.ListSeparator)+os.Getenv("PATH"))
	out, err := cmd.CombinedOutput()
	if err != nil || typed != 4 {
		t.Fatalf("%d blocks, %v\n%s", typed, err, out)
	}
	for _, want := range []string{"899700209812 ALAIN DODO0020981: lab administrator", `"messages"`, "lab-1.tar: ",
		"The lab of ", "DODO"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("%q is not printed:\n%s", want, out)
		}
	}
}

// The proxies of the page pass everything on: a card reaches TestSSL through them, a token the desk
// by both of its ports, and the CRL whoever wants it.
func TestSharedLabProxies(t *testing.T) {
	peer.Need(t, "curl")
	const behind, proxied = "127.0.0.3", "127.0.0.2"
	for _, address := range []string{behind, proxied} {
		l, err := net.Listen("tcp", address+":0")
		if err != nil {
			t.Skipf("SKIPPED: this system has one loopback address: %v", err)
		}
		l.Close()
	}
	for name, start := range map[string]func(t *testing.T, dir, config string) *exec.Cmd{
		"haproxy.cfg": func(t *testing.T, dir, config string) *exec.Cmd {
			return exec.Command(peer.Need(t, "haproxy"), "-f", config)
		},
		"nginx.conf": func(t *testing.T, dir, config string) *exec.Cmd {
			nginx := peer.Need(t, "nginx")
			if _, err := os.Stat(streamModules + "ngx_stream_module.so"); err != nil {
				peer.Missing(t, "nginx's module stream ("+err.Error()+")")
			}
			return exec.Command(nginx, "-p", dir, "-c", config, "-e", filepath.Join(dir, "error.log"), "-g",
				"daemon off; pid "+filepath.Join(dir, "pid")+";")
		},
	} {
		t.Run(name, func(t *testing.T) {
			l := labtest.New(t, "--key", "p256", "--exposed", sharedName)
			card := l.Issue("--fixture", "alain")
			token := strings.TrimSpace(l.Must("token", "add", "t", "--scope", "lab:read", "--role", "administrateur"))
			file := filepath.Join(l.Home, "igc.yaml")
			yaml := labtest.Read(t, file)
			first := regexp.MustCompile(`publication: 127\.0\.0\.1:(\d+)`).FindStringSubmatch(yaml)[1]
			labtest.Write(t, file, []byte(strings.Replace(yaml, "listen: 0.0.0.0", "listen: "+behind, 1)))
			server := l.Serve("--exposed")

			dir := t.TempDir()
			free, err := net.Listen("tcp", proxied+":0")
			if err != nil {
				t.Fatal(err)
			}
			_, https, _ := net.SplitHostPort(free.Addr().String())
			free.Close()
			config := labPorts(first).Replace(labtest.Read(t, sharedFiles+name))
			config = strings.ReplaceAll(config, "10.0.0.5", behind)
			config = regexp.MustCompile(`bind .*|listen \d+`).ReplaceAllStringFunc(config, func(line string) string {
				line = strings.ReplaceAll(strings.ReplaceAll(line, "443", https), "listen ", "listen "+proxied+":")
				return strings.NewReplacer(" :", " "+proxied+":", ",:", ","+proxied+":").Replace(line)
			})
			config = strings.ReplaceAll(config, "load_module modules/",
				"load_module "+streamModules) // with -p, elsewhere
			path := filepath.Join(dir, name)
			labtest.Write(t, path, []byte(config))
			proxy, log := start(t, dir, path), &labtest.Log{}
			proxy.Stdout, proxy.Stderr = log, log
			if err := proxy.Start(); err != nil {
				t.Fatal(err)
			}
			defer func() {
				proxy.Process.Signal(syscall.SIGTERM)
				if proxy.Wait(); t.Failed() {
					t.Logf("%s\n%s\n%s", config, log, server.Log)
				}
			}()
			port := func(endpoint string) string {
				return regexp.MustCompile(`:(\d+)`).FindStringSubmatch(server.URLs[endpoint])[1]
			}
			roots := filepath.Join(dir, "roots.pem")
			curl := func(port, path string, args ...string) string {
				t.Helper()
				scheme := "https"
				if port == first {
					scheme = "http"
				}
				out, err := peer.Try(t, "curl", append([]string{"-sS", "--fail", "--cacert", roots, "--resolve",
					sharedName + ":" + port + ":" + proxied, scheme + "://" + net.JoinHostPort(sharedName, port) +
						path}, args...)...)
				if err != nil {
					t.Errorf("%s: %v %s", path, err, out)
				}
				return out
			}
			labtest.Until(t, "the proxy listens", func() bool {
				conn, err := net.Dial("tcp", net.JoinHostPort(proxied, first))
				if err == nil {
					conn.Close()
				}
				return err == nil
			})
			labtest.Write(t, roots, []byte(curl(first, "/authorities.pem")))
			if out := curl(port("testssl"), "/api/v1/card", "--cert", card.File("authentication.pem"), "--key",
				card.File("authentication.key"), "--pass", card.PIN); !strings.Contains(out, `"verdict": "OK"`) {
				t.Errorf("a card at TestSSL: %s", out)
			}
			for _, at := range []string{port("desk"), https} {
				if out := curl(at, "/messages/api/v1/messages", "-H", "Authorization: Bearer "+
					""+token); !strings.Contains(out, "{") {
					t.Errorf("a token at the desk: %s", out)
				}
			}
			out := curl(port("psc"), "/auth/realms/esante-wallet/.well-known/wallet-openid-configuration")
			if !strings.Contains(out, `"issuer":"https://`+sharedName+":"+port("psc")) {
				t.Errorf("discovery: %s", out)
			}
		})
	}
}

// The unit of systemd is one that it takes, and its sandbox is as the page says.
func TestSharedLabUnit(t *testing.T) {
	peer.Need(t, "systemd-analyze")
	unit := filepath.Join(t.TempDir(), "igc.service")
	text := labtest.Read(t, sharedFiles+"igc.service")
	labtest.Write(t, unit, []byte(strings.Replace(text, "/usr/local/bin/igc", labtest.Program(), 1)))
	if out, err := peer.Try(t, "systemd-analyze", "verify", "--man=no", unit); err != nil ||
		strings.TrimSpace(out) != "" {
		t.Errorf("%v\n%s", err, out)
	}
	out, err := peer.Try(t, "systemd-analyze", "security", "--offline=yes", "--no-pager", "--threshold=12", unit)
	if err != nil || !strings.Contains(out, "Overall exposure level") {
		t.Errorf("%v\n%s", err, out)
	}
}

// The container file has the instructions that builders know and makes what the page says: a root
// with the program alone, in which a lab is made, served and copied by its user. No builder runs
// here; the root is entered as a container's is.
func TestSharedLabContainer(t *testing.T) {
	known := []string{"FROM", "COPY", "ENV", "USER", "VOLUME", "STOPSIGNAL", "ENTRYPOINT", "CMD"}
	args := map[string]string{}
	for line := range strings.Lines(labtest.Read(t, sharedFiles+"Containerfile")) {
		line = strings.TrimSpace(line)
		word, rest, _ := strings.Cut(line, " ")
		switch {
		case line == "" || strings.HasPrefix(line, "#"):
		case !slices.Contains(known, word) || rest == "" || len(args) == 0 && word != "FROM":
			t.Errorf("%q", line)
		default:
			args[word] = rest
		}
	}
	for word, want := range map[string]string{"FROM": "scratch", "COPY": "igc /igc", "ENV": "IGC_HOME=/lab/igc",
		"USER":   "65532:65532",
		"VOLUME": "/lab", "ENTRYPOINT": `["/igc"]`, "CMD": `["serve", "--exposed"]`, "STOPSIGNAL": "SIGTERM"} {
		if args[word] != want {
			t.Errorf("%s %s, want %s", word, args[word], want)
		}
	}
	if os.Geteuid() != 0 {
		t.Skip("SKIPPED: only root enters another root")
	}
	root := t.TempDir()
	build := exec.Command("go", "build", "-trimpath", "-tags", "urfave_cli_no_docs", "-ldflags=-s -w", "-o",
		filepath.Join(root, "igc"), "github.com/igc-lab/igc/cli/igc")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	volume := filepath.Join(root, "lab")
	if err := errors.Join(os.Mkdir(volume, 0o700), os.Chown(volume, 65532, 65532), os.Chmod(root, 0o755)); err != nil {
		t.Fatal(err)
	}
	within := func(args ...string) *exec.Cmd {
		cmd := exec.Command("/igc", args...)
		cmd.Env, cmd.Dir = []string{"IGC_HOME=/lab/igc", "IGC_LANG=en"}, "/"
		cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: root, Credential: &syscall.Credential{Uid: 65532, Gid: 65532}}
		return cmd
	}
	first := labtest.FreePorts(t)
	run := func(args ...string) {
		t.Helper()
		if out, err := within(args...).CombinedOutput(); err != nil {
			t.Fatalf("%q: %v\n%s", args, err, out)
		}
	}
	run("init", "--exposed", sharedName, "--key", "p256", "--port", first)
	run("issue", "--fixture", "alain")
	served, log := within("serve", "--exposed"), &labtest.Log{}
	served.Stdout, served.Stderr = log, log
	if err := served.Start(); err != nil {
		t.Fatal(err)
	}
	labtest.Until(t, "the lab is served", func() bool {
		resp, err := (&http.Client{Timeout: time.Second}).Get("http://127.0.0.1:" + first + "/healthz")
		if err == nil {
			resp.Body.Close()
		}
		return err == nil && resp.StatusCode == http.StatusOK && strings.Contains(log.String(), "Ctrl-C")
	})
	run("token", "add", "ci", "--scope", "lab:read", "--role", "administrateur")
	run("backup", "/lab/copy.tar")
	served.Process.Signal(syscall.SIGTERM)
	if err := served.Wait(); err != nil {
		t.Errorf("%v\n%s", err, log)
	}
	run("--home", "/lab/again", "restore", "/lab/copy.tar")
	run("--home", "/lab/again", "audit", "verify")
}
