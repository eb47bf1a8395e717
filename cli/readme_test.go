package cli

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/igc-lab/igc/internal/labtest"
	"github.com/igc-lab/igc/internal/peer"
)

// The commands of README.md and README.fr.md are typed on a fresh home, one after the other as they
// stand, and print what the page shows: but for numbers, dates, the name of the home and the ports,
// which are others where tests share a machine.
func TestReadme(t *testing.T) {
	for file, language := range map[string]string{"README.md": "en", "README.fr.md": "fr"} {
		t.Run(file, func(t *testing.T) {
			for _, program := range []string{"openssl", "curl", "bash"} {
				peer.Need(t, program)
			}
			typeReadme(t, filepath.Join("..", file), language)
		})
	}
}

func typeReadme(t *testing.T, file, language string) {
	page, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var steps []step
	for _, block := range regexp.MustCompile("(?ms)^```\n(.*?)^```$").FindAllStringSubmatch(string(page), -1) {
		steps = append(steps, transcript(block[1])...)
	}
	if len(steps) < 7 {
		t.Fatalf("%s has %d commands", file, len(steps))
	}
	home := t.TempDir()
	first, err := strconv.Atoi(labtest.FreePorts(t))
	if err != nil {
		t.Fatal(err)
	}
	ports := strings.NewReplacer("localhost:8080", fmt.Sprintf("localhost:%d", first), "localhost:8443",
		fmt.Sprintf("localhost:%d", first+1))

	var script strings.Builder
	script.WriteString("trap 'kill $(jobs -p) 2>/dev/null; wait' EXIT\n")
	for i, s := range steps {
		command := ports.Replace(s.command)
		if background, ok := strings.CutSuffix(command, " &"); ok {
			fmt.Fprintf(&script, "%s >~/log 2>&1 &\n"+
				"for i in $(seq 300); do grep -q Ctrl-C ~/log && break; sleep 0.1; done; "+
				"cat ~/log\n", background)
		} else {
			fmt.Fprintln(&script, command)
		}
		fmt.Fprintf(&script, "echo; echo '@@@ %d' $?\n", i)
	}
	cmd := exec.Command("bash", "-c", script.String())
	cmd.Dir = home
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "IGC_") && !strings.HasPrefix(variable, "XDG_") {
			cmd.Env = append(cmd.Env, variable)
		}
	}
	cmd.Env = append(cmd.Env, "HOME="+home, "IGC_LANG="+language,
		"PATH="+filepath.Dir(labtest.Program())+string(filepath.ListSeparator)+os.Getenv("PATH"))
	// the page's own ports, but moved; this makes no authority
	initialize := exec.Command(labtest.Program(), "init", "--port", strconv.Itoa(first), "--key", "p256")
	initialize.Env = cmd.Env
	if out, err := initialize.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	rest := string(out)
	for i, s := range steps {
		mark := fmt.Sprintf("\n@@@ %d ", i)
		printed, after, ok := strings.Cut(rest, mark)
		if !ok || !strings.HasPrefix(after, "0\n") && !strings.Contains(s.command, "&") {
			t.Fatalf("%s: %s\n%s", s.command, strings.SplitN(after, "\n", 2)[0], printed)
		}
		_, rest, _ = strings.Cut(after, "\n")
		s.compare(t, printed)
	}
}

// step is a command of a transcript with the lines that it prints.
type step struct {
	command string
	lines   []string
}

func transcript(block string) (steps []step) {
	for line := range strings.Lines(block) {
		line = strings.TrimRight(line, "\n")
		if command, ok := strings.CutPrefix(line, "$ "); ok {
			steps = append(steps, step{command: command})
		} else if len(steps) > 0 && line != "" && line != "..." {
			last := &steps[len(steps)-1]
			last.lines = append(last.lines, line)
		}
	}
	return steps
}

// compare looks for the lines of the page in what was printed, in their order.
func (s step) compare(t *testing.T, printed string) {
	t.Helper()
	var lines []string
	for line := range strings.Lines(printed) {
		lines = append(lines, masked(line))
	}
	for _, want := range s.lines {
		i := 0
		for i < len(lines) && lines[i] != masked(want) {
			i++
		}
		if i == len(lines) {
			t.Errorf("%s: the page shows\n%s\nand it printed\n%s", s.command, masked(want), strings.Join(lines, "\n"))
			return
		}
		lines = append(lines[:i:i], lines[i+1:]...)
	}
}

var masks = []struct {
	of *regexp.Regexp
	by string
}{
	{regexp.MustCompile(`63DAFFCFC8034BDC[0-9A-F]{16}`), "SERIAL"},
	{regexp.MustCompile(`20\d\d-\d\d-\d\d(T[0-9:]+Z)?`), "DATE"},
	{regexp.MustCompile(`\S*/\.local/share/igc`), "LAB"},
	{regexp.MustCompile(`\b2\d{9}\b`), "CARD"},
	{regexp.MustCompile(`localhost:\d+`), "HOST"},
}

func masked(line string) string {
	line = strings.TrimRight(line, " \r\n")
	for _, m := range masks {
		line = m.of.ReplaceAllString(line, m.by)
	}
	return line
}
