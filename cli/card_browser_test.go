package cli

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	vcard "github.com/igc-lab/igc/card"
	"github.com/igc-lab/igc/internal/cardtest"
	"github.com/igc-lab/igc/internal/peer"
)

// screen is a display that nobody sees, with a browser on it and the hands of whoever sits before it.
type screen struct {
	t       testing.TB
	name    string // of the pictures
	display string
	frame   string // the file that the display is drawn in
	home    string
}

func newScreen(t testing.TB, name string) *screen {
	t.Helper()
	s := &screen{t: t, name: name, home: t.TempDir()}
	folder := t.TempDir()
	s.frame = filepath.Join(folder, "Xvfb_screen0")
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(peer.Need(t, "Xvfb"), "-displayfd", "3", "-screen", "0", "1280x900x24", "-fbdir", folder, "-nolisten", "tcp")
	cmd.ExtraFiles = []*os.File{write}
	s.start(cmd)
	write.Close()
	number, err := bufio.NewReader(read).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	s.display = ":" + strings.TrimSpace(number)
	s.run("openbox") // without a window manager nobody has the keyboard
	return s
}

// start starts a program that ends with the test, its children with it.
func (s *screen) start(cmd *exec.Cmd) {
	s.t.Helper()
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { cmd.Wait(); close(ended) }()
	s.t.Cleanup(func() {
		syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM)
		select {
		case <-ended:
		case <-time.After(10 * time.Second):
		}
		syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		<-ended
	})
}

// run starts a program on the screen, with a home of its own.
func (s *screen) run(program string, args ...string) {
	s.t.Helper()
	cmd := exec.Command(peer.Need(s.t, program), args...)
	cmd.Dir, cmd.Env = s.home, append(s.env(), "MOZ_CRASHREPORTER_DISABLE=1")
	s.start(cmd)
}

func (s *screen) env() []string {
	return append(os.Environ(), "DISPLAY="+s.display, "HOME="+s.home, "XDG_CONFIG_HOME="+filepath.Join(s.home, ".config"), "LC_ALL=C.UTF-8")
}

func (s *screen) xdotool(args ...string) string {
	cmd := exec.Command(peer.Need(s.t, "xdotool"), args...)
	cmd.Env = s.env()
	out, _ := cmd.Output() // a search that finds nothing fails
	return string(out)
}

func (s *screen) keys(keys ...string) {
	s.xdotool(append([]string{"key", "--delay", "50"}, keys...)...)
}
func (s *screen) types(text string) { s.xdotool("type", "--delay", "50", text) }

func (s *screen) windows() string {
	return s.xdotool("search", "--onlyvisible", "--name", ".", "getwindowname", "%@")
}

// until waits for what has to come, doing something in between when there is something to do.
func (s *screen) until(what string, come func() bool, between ...func()) {
	s.t.Helper()
	for range 200 {
		if come() {
			return
		}
		for _, do := range between {
			do()
		}
		time.Sleep(200 * time.Millisecond)
	}
	s.photograph("lost")
	s.t.Fatalf("%s did not come; the windows are\n%s", what, s.windows())
}

// window waits for a window whose name matches.
func (s *screen) window(pattern string, between ...func()) {
	s.t.Helper()
	re := regexp.MustCompile(pattern)
	s.until("a window "+pattern, func() bool { return re.MatchString(s.windows()) }, between...)
}

// visit goes to an address in the browser's window, by way of an empty page: the window then bears no name of a page before.
func (s *screen) visit(url string) {
	for _, to := range []string{"about:blank", url} {
		time.Sleep(2 * time.Second) // the page before, or a browser that is starting, still takes the keyboard
		s.keys("ctrl+l")
		s.types(to)
		s.keys("Return")
		s.until("an empty page", func() bool { return to == url || !strings.Contains(s.windows(), "TESTSSL") })
	}
	time.Sleep(2 * time.Second) // for the picker, which is no window of its own
}

// photograph keeps a picture of the screen.
func (s *screen) photograph(what string) {
	s.t.Helper()
	time.Sleep(700 * time.Millisecond) // what appears fades in
	data, err := os.ReadFile(s.frame)
	if err != nil {
		s.t.Fatal(err)
	}
	picture, err := readXWD(data)
	if err != nil {
		s.t.Fatal(err)
	}
	folder := cmp.Or(os.Getenv("IGC_SCREENSHOTS"), filepath.Join("..", "build", "screenshots"))
	var b bytes.Buffer
	if err := png.Encode(&b, picture); err != nil {
		s.t.Fatal(err)
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		s.t.Fatal(err)
	}
	write(s.t, filepath.Join(folder, "card-"+s.name+"-"+what+".png"), b.Bytes())
}

// readXWD reads the X server's own picture format, true colour in 32 bits a pixel: a header of 25 long words, a name, a table of
// colours of 12 bytes each, and the lines.
func readXWD(data []byte) (image.Image, error) {
	word := func(i int) int { return int(binary.BigEndian.Uint32(data[4*i:])) }
	if len(data) < 100 || word(1) != 7 || word(11) != 32 {
		return nil, fmt.Errorf("not the picture of a screen of 32 bits a pixel")
	}
	header, width, height, line, colours := word(0), word(4), word(5), word(12), word(19)
	pixels := data[header+12*colours:]
	picture := image.NewRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			p := pixels[y*line+4*x:]
			picture.SetRGBA(x, y, color.RGBA{p[2], p[1], p[0], 255})
		}
	}
	return picture, nil
}

// firefoxPreferences keep it from greeting its new user with a page of its maker's.
const firefoxPreferences = `user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("datareporting.policy.firstRunURL", "");
user_pref("browser.aboutwelcome.enabled", false);
user_pref("browser.startup.homepage_override.mstone", "ignore");
`

// holder is a lab's card, and the person who puts it in the reader.
type holder struct {
	t testing.TB
	l *testLab
	c *vcard.Card
}

func newHolder(l *testLab, args ...string) holder {
	l.t.Helper()
	c, err := vcard.Read(l.issue(args...).Folder)
	if err != nil {
		l.t.Fatal(err)
	}
	return holder{l.t, l, c}
}

func (h holder) tries() int {
	h.t.Helper()
	status, err := h.c.Status()
	if err != nil {
		h.t.Fatal(err)
	}
	return status.TriesLeft
}

// TestCardInBrowsers is a card in the hands of a person: the picker, the PIN, a wrong one, the page; the card taken out and another
// put in; one that gets blocked. Browsers are set up by igc card install alone.
func TestCardInBrowsers(t *testing.T) {
	if os.Getenv("IGC_HEADED") == "" { // the keys that are typed into windows get lost on a machine that has much else to do
		t.Skip("SKIPPED: browsers with windows are driven by make soak only (IGC_HEADED=1)")
	}
	for _, program := range []string{"xdotool", "openbox", "Xvfb"} {
		peer.Need(t, program)
	}
	module := cardtest.Module(t)
	for _, browser := range []struct {
		name    string
		only    string
		program []string
		ready   string // window of a browser that has started
		prompt  string // window that asks for the PIN
		first   string // what comes first, the picker or the PIN
	}{
		{"chromium", "nss", []string{"chromium", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
			"--no-proxy-server", "--window-size=1200,850", "--window-position=0,0", "about:blank"}, "about:blank", "Unlock Security Device", "picker"},
		{"firefox", "firefox", []string{"firefox-esr", "--no-remote", "--profile", ".", "--width", "1200", "--height", "850", "about:blank"},
			"Mozilla Firefox", "Password Required", "PIN"},
	} {
		t.Run(browser.name, func(t *testing.T) {
			t.Parallel() // they wait most of the time
			peer.Need(t, browser.program[0])
			l := newLab(t, "--key", "rsa2048")
			alain, guy := newHolder(l, "--fixture", "alain"), newHolder(l, "--fixture", "guy")
			urls := l.serve().urls
			s := newScreen(t, browser.name)
			igc := func(args ...string) {
				t.Helper()
				cmd := l.command(args...)
				cmd.Env = append(cmd.Env, "HOME="+s.home, "XDG_CONFIG_HOME="+filepath.Join(s.home, ".config"))
				if out, err := cmd.CombinedOutput(); err != nil {
					t.Fatalf("igc %q: %v\n%s", args, err, out)
				}
			}
			igc("card", "install", "--module", module, "--only", browser.only)
			t.Cleanup(func() { igc("card", "uninstall") })
			igc("card", "insert", alain.c.Number)
			write(t, filepath.Join(s.home, "user.js"), []byte(firefoxPreferences))
			s.run(browser.program[0], browser.program[1:]...)
			s.window(browser.ready)
			// Return chooses the card in the picker, once that has been there for a while. At the prompt it would be an empty PIN,
			// which counts.
			pick := func(when string) func() {
				return func() {
					time.Sleep(2 * time.Second)
					if browser.first == when && !strings.Contains(s.windows(), browser.prompt) {
						s.keys("Return")
					}
				}
			}
			before, after := pick("picker"), pick("PIN")
			enter := func(pin string) {
				time.Sleep(time.Second) // until the prompt has the keyboard, and one before it is gone
				s.types(pin)
				s.keys("Return")
			}

			s.visit(urls["testssl"])
			s.photograph("1-first")
			s.window(browser.prompt, before)
			s.photograph("2-pin")
			enter("9999")
			s.until("a wrong PIN", func() bool { return alain.tries() == 2 })
			s.window(browser.prompt)
			s.photograph("3-wrong-pin")
			enter("1234")
			time.Sleep(time.Second)
			s.photograph("4-right-pin")
			s.window("carte valide", after)
			s.photograph("5-page")

			igc("card", "remove", alain.c.Number)
			igc("card", "insert", guy.c.Number)
			s.visit(strings.Replace(urls["testssl"], "localhost", "autre.carte.localhost", 1))
			s.photograph("6-another")
			s.window(browser.prompt, before)
			enter("1234")
			s.window("carte valide", after)
			s.photograph("7-another-page")

			igc("card", "remove", guy.c.Number)
			igc("card", "insert", alain.c.Number)
			s.visit(strings.Replace(urls["testssl"], "localhost", "bloquee.carte.localhost", 1))
			for n := range 3 {
				if n == 0 {
					s.window(browser.prompt, before)
				}
				s.window(browser.prompt)
				enter("0000")
				s.until("a wrong PIN", func() bool { return alain.tries() == 2-n })
			}
			s.window("aucune carte") // which is not asked for its PIN again
			s.photograph("8-blocked")
		})
	}
}
