package browsers

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"image"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/igc-lab/igc/internal/labtest"
	"github.com/igc-lab/igc/internal/peer"
)

// screen is a display that nobody sees, and the eyes and hands of whoever sits before it: X's
// framebuffer and xdotool. Nothing is done once and hoped for: keys may come before what they are
// for has the keyboard, so what each act brings is looked for on the screen.
type screen struct {
	t       testing.TB
	name    string // of the pictures
	display string
	frame   string // the file that the display is drawn in
	home    string // of the person
	taken   int    // pictures
}

// The screen; the part of it where a browser shows pages, below its tabs and its address, above
// what it says of connections; and the part of that where no dialog comes.
var (
	whole  = image.Rect(0, 0, 1000, 640)
	pane   = image.Rect(0, 150, 1000, 600)
	margin = image.Rect(10, pane.Min.Y, 110, pane.Max.Y)
)

func newScreen(t testing.TB, name string) *screen {
	t.Helper()
	for _, program := range []string{"Xvfb", "openbox", "xdotool"} {
		peer.Need(t, program)
	}
	s := &screen{t: t, name: name, home: t.TempDir()}
	folder := t.TempDir()
	s.frame = filepath.Join(folder, "Xvfb_screen0")
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	size := fmt.Sprintf("%dx%dx24", whole.Dx(), whole.Dy())
	// with no reset: else it starts anew whenever its last program leaves, and turns away one that
	// comes meanwhile
	cmd := exec.Command("Xvfb", "-displayfd", "3", "-screen", "0", size, "-fbdir", folder, "-nolisten", "tcp",
		"-nocursor", "-noreset")
	cmd.ExtraFiles = []*os.File{write}
	s.start(cmd)
	write.Close()
	number, err := bufio.NewReader(read).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	s.display = ":" + strings.TrimSpace(number)
	s.start(exec.Command("openbox")) // without a window manager nobody has the keyboard
	s.until("a window manager", func() bool { return s.xdotool("get_desktop") != "" })
	s.xdotool("mousemove", "0", "0") // where nothing lights up under it
	return s
}

// start starts a program before the screen, which ends with the test, its children with it.
func (s *screen) start(cmd *exec.Cmd) {
	s.t.Helper()
	cmd.Dir, cmd.SysProcAttr = s.home, &syscall.SysProcAttr{Setpgid: true}
	if cmd.Env == nil {
		cmd.Env = append(os.Environ(), s.env()...)
	}
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

// env is what makes a program one of this screen and this person.
func (s *screen) env() []string {
	return []string{"DISPLAY=" + s.display, "HOME=" + s.home, "XDG_CONFIG_HOME=" + filepath.Join(s.home,
		".config"), "LC_ALL=C.UTF-8"}
}

// igc runs a command of the lab's for whoever sits before the screen.
func (s *screen) igc(l *labtest.Lab, args ...string) {
	s.t.Helper()
	cmd := l.Command(args...)
	cmd.Env = append(cmd.Env, s.env()...)
	if out, err := cmd.CombinedOutput(); err != nil {
		s.t.Fatalf("igc %q: %v\n%s", args, err, out)
	}
}

func (s *screen) xdotool(args ...string) string {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute) // --sync waits for windows that may have gone
	defer cancel()
	cmd := exec.CommandContext(ctx, "xdotool", args...)
	cmd.Env = append(os.Environ(), s.env()...)
	out, _ := cmd.Output() // a search that finds nothing fails
	return strings.TrimSpace(string(out))
}

func (s *screen) keys(keys ...string) {
	s.xdotool(append([]string{"key", "--delay", "50"}, keys...)...)
}

// until waits for what has to come.
func (s *screen) until(what string, come func() bool) {
	s.t.Helper()
	for start := time.Now(); !come(); time.Sleep(100 * time.Millisecond) {
		if time.Since(start) > labtest.Patience {
			s.saveScreenshot("lost")
			s.t.Fatalf("waited %s in vain for %s; the windows are\n%s", labtest.Patience, what,
				s.xdotool("search", "--onlyvisible", "--name", ".", "getwindowname", "%@"))
		}
	}
}

// windows are the numbers of those that are to be seen and whose name matches.
func (s *screen) windows(pattern string) []string {
	return strings.Fields(s.xdotool("search", "--onlyvisible", "--name", pattern))
}

// window waits for a window whose name matches, and gives its number.
func (s *screen) window(pattern string) (number string) {
	s.t.Helper()
	s.until("a window "+pattern, func() bool {
		if all := s.windows(pattern); len(all) > 0 {
			number = all[0]
		}
		return number != ""
	})
	return number
}

// area is the part of the screen where a window is.
func (s *screen) area(window string) image.Rectangle {
	var x, y, width, height int
	for _, line := range strings.Fields(s.xdotool("getwindowgeometry", "--shell", window)) {
		for name, to := range map[string]*int{"X=%d": &x, "Y=%d": &y, "WIDTH=%d": &width, "HEIGHT=%d": &height} {
			fmt.Sscanf(line, name, to)
		}
	}
	return image.Rect(x, y, x+width, y+height)
}

// enter types a PIN at the prompt. A wrong one costs a try, so it is sent when the prompt shows a
// dot for each digit.
func (s *screen) enter(prompt, pin string) {
	s.t.Helper()
	var empty *image.RGBA
	typed := func() bool { return blobs(empty, s.capture(), darker) == len(pin) }
	s.until("a dot for each digit", func() bool {
		s.xdotool("windowactivate", "--sync", prompt)
		s.keys("ctrl+a", "BackSpace")
		field := s.area(prompt)
		field.Max.X -= field.Dx() / 2 // Firefox draws an eye at the field's other end
		empty = s.still(field)
		s.xdotool("type", "--delay", "50", pin)
		return soon(typed)
	})
	s.until("the end of the prompt", func() bool {
		if typed() && s.xdotool("getactivewindow") == prompt {
			s.keys("Return")
		}
		return soon(func() bool { return !slices.Contains(s.windows("."), prompt) })
	})
}

// choose takes the card that the browser's picker offers, and photographs it. The picker is not a
// window of its own: it darkens the page, which is told from what the screen showed before.
func (s *screen) choose(before *image.RGBA) {
	s.t.Helper()
	beside := before.SubImage(margin).(*image.RGBA)
	there := func() bool { return sum(changes(beside, s.capture(), darker)) > beside.Rect.Dx()*beside.Rect.Dy()/2 }
	s.until("a picker", there)
	s.until("the end of the picker", func() bool {
		s.photograph("picker")
		if there() {
			s.keys("Return")
		}
		return soon(func() bool { return !there() })
	})
}

// soon reports whether something comes before the act is tried again: keys that were lost are rare,
// a slow machine is not.
func soon(come func() bool) bool {
	for start := time.Now(); time.Since(start) < 20*time.Second; time.Sleep(100 * time.Millisecond) {
		if come() {
			return true
		}
	}
	return false
}

// capture is what the screen shows: the X server's own picture format, true colour in 32 bits a
// pixel. It is a header of 25 long words, a name, a table of colours of 12 bytes each, and the
// lines. Blue stays first, and red third: who compares does not mind.
func (s *screen) capture() *image.RGBA {
	s.t.Helper()
	data, err := os.ReadFile(s.frame)
	if err != nil {
		s.t.Fatal(err)
	}
	word := func(i int) int { return int(binary.BigEndian.Uint32(data[4*i:])) }
	if len(data) < 100 || word(1) != 7 || word(11) != 32 {
		s.t.Fatalf("%s is not the picture of a screen of 32 bits a pixel", s.frame)
	}
	header, width, height, line, colours := word(0), word(4), word(5), word(12), word(19)
	return &image.RGBA{Pix: data[header+12*colours:], Stride: line, Rect: image.Rect(0, 0, width, height)}
}

// still waits until nothing but the text cursor moves in a part of the screen.
func (s *screen) still(part image.Rectangle) *image.RGBA {
	s.t.Helper()
	var picture *image.RGBA
	s.until("rest", func() bool {
		picture = s.capture().SubImage(part).(*image.RGBA)
		time.Sleep(500 * time.Millisecond) // what appears fades in
		return blobs(picture, s.capture(), other) == 0
	})
	return picture
}

// light reports whether a part of the screen is mostly white, as pages are. A screen whose browser
// is not drawn yet is not.
func (s *screen) light(part image.Rectangle) bool {
	s.t.Helper()
	picture, white := s.capture(), 0
	for y := part.Min.Y; y < part.Max.Y; y++ {
		for x := part.Min.X; x < part.Max.X; x++ {
			if pixel := picture.Pix[picture.PixOffset(x, y):]; min(pixel[0], pixel[1], pixel[2]) > 192 {
				white++
			}
		}
	}
	return white > part.Dx()*part.Dy()/2
}

// How much a pixel has to change, of 255, to be another one; and to have become dark where it was
// white.
const (
	other  = 8
	darker = 96
)

// changes counts, column by column, the pixels of a picture of a part of the screen that have
// changed so much.
func changes(before, now *image.RGBA, much int) []int {
	part := before.Rect.Intersect(now.Rect)
	columns := make([]int, part.Dx())
	for y := part.Min.Y; y < part.Max.Y; y++ {
		was, is := before.Pix[before.PixOffset(part.Min.X, y):][:4*part.Dx()], now.Pix[now.PixOffset(part.Min.X,
			y):][:4*part.Dx()]
		if bytes.Equal(was, is) {
			continue
		}
		for x := range columns {
			for channel := range 3 {
				if d := int(was[4*x+channel]) - int(is[4*x+channel]); d < -much || d > much {
					columns[x]++
					break
				}
			}
		}
	}
	return columns
}

func sum(numbers []int) (n int) {
	for _, one := range numbers {
		n += one
	}
	return n
}

// blobs counts what has come side by side. The text cursor, which comes and goes, is too thin.
func blobs(before, now *image.RGBA, much int) (n int) {
	width := 0
	for _, pixels := range append(changes(before, now, much), 0) {
		if pixels > 0 {
			width++
			continue
		}
		if width > 2 {
			n++
		}
		width = 0
	}
	return n
}

// photograph keeps a picture of the screen, once it rests.
func (s *screen) photograph(what string) {
	s.t.Helper()
	s.still(pane)
	s.taken++
	s.saveScreenshot(fmt.Sprintf("%02d-%s", s.taken, what))
}

func (s *screen) saveScreenshot(what string) {
	s.t.Helper()
	picture := s.capture()
	for p := picture.Pix; len(p) >= 4; p = p[4:] {
		p[0], p[2], p[3] = p[2], p[0], 255
	}
	var b bytes.Buffer
	if err := png.Encode(&b, picture); err != nil {
		s.t.Fatal(err)
	}
	labtest.Write(s.t, filepath.Join(screenshots(s.t), "card-"+s.name+"-"+what+".png"), b.Bytes())
}
