package cli

import (
	"bytes"
	"encoding/pem"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/profiles"
)

func (p *program) inspectCommand() *cli.Command {
	return &cli.Command{
		Name:         "inspect",
		Usage:        tr("explique un certificat, PEM ou DER", "explain a certificate, PEM or DER"),
		ArgsUsage:    tr("FICHIER | -", "FILE | -"),
		OnUsageError: usageError,
		Flags:        []cli.Flag{jsonFlag()},
		Action:       p.inspect,
	}
}

// maxFile bounds what inspect reads.
const maxFile = 16 << 20

func (p *program) inspect(c *cli.Context) error {
	name, err := one(c, tr("un fichier, ou - pour l'entrée standard", "a file, or - for standard input"))
	if err != nil {
		return err
	}
	in := p.in
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return &ca.Error{Kind: ca.NotFound, Err: err}
		}
		defer f.Close()
		in = f
	}
	data, err := io.ReadAll(io.LimitReader(in, maxFile+1))
	if err != nil {
		return err
	}
	if len(data) > maxFile {
		return ca.Invalidate(fmt.Errorf(tr("%s dépasse 16 Mo", "%s is larger than 16 MB"), name))
	}
	certificates := [][]byte{data}
	if bytes.Contains(data, []byte("-----BEGIN ")) {
		certificates = nil
		for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
			if block.Type == "CERTIFICATE" {
				certificates = append(certificates, block.Bytes)
			}
		}
		if certificates == nil {
			return ca.Invalidate(fmt.Errorf(tr("%s : aucun certificat dans ce PEM", "%s: no certificate in this PEM"), name))
		}
	}
	var all []*inspected
	for _, der := range certificates {
		d, err := profiles.Decode(der)
		if err != nil {
			return ca.Invalidate(fmt.Errorf("%s: %w", name, err))
		}
		all = append(all, newInspected(d))
	}
	return p.print(c, all, func(w io.Writer) {
		for i, one := range all {
			if i > 0 {
				fmt.Fprintln(w)
			}
			describe(w, one.decoded)
		}
	})
}

// inspected is a decoded certificate as JSON shows it.
type inspected struct {
	Profile     string               `json:"profile,omitempty"`
	Status      profiles.Status      `json:"status,omitempty"`
	Generation  profiles.Generation  `json:"generation,omitempty"`
	Serial      string               `json:"serial"`
	Issuer      string               `json:"issuer"`
	Subject     string               `json:"subject"`
	NotBefore   time.Time            `json:"not_before"`
	NotAfter    time.Time            `json:"not_after"`
	Holder      profiles.Holder      `json:"holder"`
	Fingerprint string               `json:"sha256"`
	Extensions  []profiles.Extension `json:"extensions"`
	Findings    []profiles.Finding   `json:"findings"`
	decoded     *profiles.Decoded
}

func newInspected(d *profiles.Decoded) *inspected {
	i := &inspected{Generation: d.Generation, Serial: profiles.SerialHex(d.Serial), Issuer: d.Issuer.String(), Subject: d.Subject.String(),
		NotBefore: d.NotBefore, NotAfter: d.NotAfter, Holder: d.Holder, Fingerprint: d.Fingerprint(), Extensions: d.Extensions,
		Findings: append([]profiles.Finding{}, d.Findings...), decoded: d}
	if d.Profile != nil {
		i.Profile, i.Status = d.Profile.ID(), d.Profile.Status
	}
	return i
}

// describe writes a certificate in words.
func describe(w io.Writer, d *profiles.Decoded) {
	line := func(fr, en, value string) {
		if value != "" {
			fmt.Fprintf(w, "%-16s %s\n", tr(fr, en), value)
		}
	}
	if d.Profile != nil {
		line("produit", "product", tr(d.Profile.Product.FR, d.Profile.Product.EN)+" — "+d.Profile.ID()+" ("+string(d.Profile.Status)+")")
	}
	line("sujet", "subject", d.Subject.String())
	line("émetteur", "issuer", d.Issuer.String())
	line("n° de série", "serial", profiles.SerialHex(d.Serial))
	line("du", "from", d.NotBefore.Format(time.RFC3339))
	line("au", "to", d.NotAfter.Format(time.RFC3339))
	line("SHA-256", "SHA-256", d.Fingerprint())
	for _, e := range d.Extensions {
		name := e.Name
		if name == "" {
			name = e.OID
		}
		if e.Critical {
			name += " !"
		}
		text := e.Text
		if text == "" {
			text = fmt.Sprintf("%x", e.Value)
		}
		fmt.Fprintf(w, "  %-24s %s\n", name, text)
	}
	for _, f := range d.Findings {
		fmt.Fprintf(w, "%s %s: %s\n", tr("écart", "deviation"), f.Code, tr(f.FR, f.EN))
	}
}
