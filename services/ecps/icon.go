package ecps

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"net/http"
	"sync"
)

// The icon of the phone page: a phone with three dots, of which one is chosen.
const (
	iconGround = "#2b4c5e"
	iconSVG    = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16">` +
		`<rect width="16" height="16" fill="#2b4c5e"/>` +
		`<rect x="5" y="3" width="6" height="10" rx="1" fill="#fff"/>` +
		`<g fill="#2b4c5e"><circle cx="6.5" cy="8" r=".6"/>` +
		`<circle cx="9.5" cy="8" r=".6"/></g><circle cx="8" cy="8" r=".9" fill="#c94f00"/></svg>`
)

func svgIcon(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "image/svg+xml")
	w.Write([]byte(iconSVG))
}

// pngIcon serves the same as PNG, which some systems need to install the page.
func pngIcon(size int) http.HandlerFunc {
	draw := sync.OnceValue(func() []byte { return drawIcon(size) })
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "image/png")
		w.Write(draw())
	}
}

// drawIcon draws the icon. Where it says 16, it is in the squares of the SVG.
func drawIcon(size int) []byte {
	ground, paper, chosen := color.NRGBA{0x2b, 0x4c, 0x5e, 255}, color.NRGBA{255, 255, 255, 255}, color.NRGBA{0xc9,
		0x4f, 0, 255}
	picture := image.NewPaletted(image.Rect(0, 0, size, size), color.Palette{ground, paper, chosen})
	for y := range size {
		for x := range size {
			u, v := 16*(float64(x)+.5)/float64(size), 16*(float64(y)+.5)/float64(size)
			within := func(cx, cy, r float64) bool { return (u-cx)*(u-cx)+(v-cy)*(v-cy) < r*r }
			switch {
			case within(8, 8, .9):
				picture.SetColorIndex(x, y, 2)
			case within(6.5, 8, .6) || within(9.5, 8, .6):
			case u > 5 && u < 11 && v > 4 && v < 12, u > 6 && u < 10 && v > 3 && v < 13,
				within(6, 4, 1) || within(10, 4, 1) || within(6, 12, 1) || within(10, 12, 1):
				picture.SetColorIndex(x, y, 1)
			}
		}
	}
	var out bytes.Buffer
	if err := png.Encode(&out, picture); err != nil {
		panic("ecps: " + err.Error()) // of a picture in memory
	}
	return out.Bytes()
}
