package ecps

import (
	"fmt"
	"strings"

	"rsc.io/qr"
)

// QRCode draws a text as a QR code: an SVG image for a page, without style of its own. It is empty
// for an empty text and for one that is too long.
func QRCode(text string) string {
	code := encodeQR(text)
	if code == nil {
		return ""
	}
	const quiet = 4 // the margin that readers want
	var path strings.Builder
	for y := range code.Size {
		for x := 0; x < code.Size; x++ {
			begin := x
			for x < code.Size && code.Black(x, y) {
				x++
			}
			if x > begin {
				fmt.Fprintf(&path, "M%d %dh%dv1h-%dz", begin+quiet, y+quiet, x-begin, x-begin)
			}
		}
	}
	size := code.Size + 2*quiet
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %[1]d %[1]d" `+
		`width="%[2]d" height="%[2]d" class="qr" role="img" aria-label="QR code" shape-rendering="crispEdges">`+
		`<rect width="%[1]d" height="%[1]d" fill="#fff"/>`+
		`<path fill="#000" d="%[3]s"/></svg>`, size, 5*size, path.String())
}

func encodeQR(text string) *qr.Code {
	if text == "" {
		return nil
	}
	code, err := qr.Encode(text, qr.M)
	if err != nil {
		return nil
	}
	return code
}

// qrText draws a QR code with characters, two rows of it a line, for mails.
func qrText(text string) string {
	code := encodeQR(text)
	if code == nil {
		return ""
	}
	const quiet = 2
	var out strings.Builder
	for y := -quiet; y < code.Size+quiet; y += 2 {
		for x := -quiet; x < code.Size+quiet; x++ {
			// dark squares are blocks: mails are mostly shown dark on light
			switch above, below := code.Black(x, y), code.Black(x, y+1); {
			case above && below:
				out.WriteString("█")
			case above:
				out.WriteString("▀")
			case below:
				out.WriteString("▄")
			default:
				out.WriteString(" ")
			}
		}
		out.WriteString("\n")
	}
	return out.String()
}
