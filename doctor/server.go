package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	xocsp "golang.org/x/crypto/ocsp"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/internal/shell"
	"github.com/igc-lab/igc/internal/sockets"
	"github.com/igc-lab/igc/lab"
	"github.com/igc-lab/igc/profiles"
	"github.com/igc-lab/igc/revocation"
	"github.com/igc-lab/igc/revocation/crl"
	"github.com/igc-lab/igc/revocation/ldap"
	"github.com/igc-lab/igc/revocation/ocsp"
)

// This file is what igc doctor looks at of the lab's server: it asks for what is served, as clients
// do.

// restart is how a server is ended and started again.
func (d *diagnosis) restart() string {
	if d.pid == 0 {
		return d.igc("serve")
	}
	return fmt.Sprintf("kill %d; sleep 3; ", d.pid) + d.igc("serve")
}

func (d *diagnosis) ports(ctx context.Context) (found []Finding) {
	open := sockets.List()
	var numbers []string
	for _, a := range d.Addresses(d.client.Lab.Config.Listen) {
		host, port, _ := net.SplitHostPort(a.Address)
		if numbers = append(numbers, port); port == "0" {
			continue // runCheck that is free
		}
		label := a.Address + " (" + a.Name + ")"
		var held bool
		var pid int
		var name string
		for _, s := range open {
			if s.Listening && takes(s, host, port) {
				held = true
				if pid, name = s.Owner(); pid == d.pid {
					break
				}
			}
		}
		taken := Finding{State: Todo,
			Message: fmt.Sprintf(d.tr("%s est pris par %s%s : arrêtez-le, ou un autre port dans igc.yaml (listen)",
				"%s is held by %s%s: end it, or another port in igc.yaml (listen)"), label, d.orSomeone(name),
				process(pid)),
			Remedy: killOrShow(pid, port)}
		switch {
		case d.running && held && (pid == d.pid || pid == 0 || d.pid == 0):
		case d.running && held:
			found = append(found, taken)
		case d.running:
			if conn, err := new(net.Dialer).DialContext(ctx, "tcp", local(a.Address)); err == nil { // a system that does not show sockets
				conn.Close()
				continue
			}
			if a.TLS && d.testSSLRevoked() != "" {
				continue // see server
			}
			found = append(found, Finding{State: Todo,
				Message: fmt.Sprintf(d.tr("igc serve%s n'écoute pas sur %s : igc.yaml a changé depuis son départ",
					"igc serve%s does not listen on %s: igc.yaml has changed since it started"),
					process(d.pid), label),
				Remedy: d.restart()})
		default:
			err := listens(ctx, host, port)
			switch {
			case err == nil:
			case errors.Is(err, syscall.EADDRINUSE):
				found = append(found, taken)
			default: // reserved to root, or no address of this machine
				found = append(found, Finding{State: Todo, Message: fmt.Sprintf("%s%s%v", label, d.tr(" : ", ": "),
					d.detail(err)),
					Remedy: "${EDITOR:-vi} " + shell.Command(filepath.Join(d.Home, "igc.yaml"))})
			}
		}
	}
	if len(found) > 0 {
		return found
	}
	whose := d.tr("libres", "free")
	if d.running {
		whose = d.tr("à igc serve", "those of igc serve") + process(d.pid)
	}
	return []Finding{{State: OK, Message: fmt.Sprintf("%s%s%s", lab.PortRanges(numbers), d.tr(" : ", ": "), whose)}}
}

// listens tries to listen on an address, and on both loopback addresses where it stands for them
// (see serve). A machine without IPv6 is not at fault.
func listens(ctx context.Context, host, port string) error {
	hosts := []string{host}
	if loopback(host) {
		hosts = []string{"127.0.0.1", "::1"}
	}
	for _, host := range hosts {
		l, err := new(net.ListenConfig).Listen(ctx, "tcp", net.JoinHostPort(host, port))
		switch {
		case err == nil:
			l.Close()
		case len(hosts) == 1 || errors.Is(err, syscall.EADDRINUSE) || errors.Is(err, syscall.EACCES):
			return err
		}
	}
	return nil
}

// loopback tells whether a host of igc.yaml stands for both loopback addresses.
func loopback(host string) bool {
	return strings.EqualFold(host, "localhost") || host == "127.0.0.1" || host == "::1"
}

// takes tells whether a socket has an address, its own or every one of the machine.
func takes(s sockets.Socket, host, port string) bool {
	if strconv.Itoa(int(s.Local.Port())) != port {
		return false
	}
	if loopback(host) && s.Local.Addr().IsLoopback() {
		return s.Local.Addr() == netip.IPv6Loopback() || s.Local.Addr() == netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	at, err := netip.ParseAddr(host)
	return err != nil || at.IsUnspecified() || s.Local.Addr().IsUnspecified() || s.Local.Addr() == at.Unmap()
}

func (d *diagnosis) orSomeone(program string) string {
	if program == "" {
		return d.tr("un autre programme", "another program")
	}
	return program
}

// killOrShow ends the process that has a port, when it is known, and shows it to root else.
func killOrShow(pid int, port string) string {
	if pid != 0 {
		return fmt.Sprintf("kill %d", pid)
	}
	return "sudo ss -ltnp " + shell.Command("sport = :"+port)
}

// local is an address to connect to: a server that listens on all of them is on this machine too.
func local(address string) string {
	host, port, _ := net.SplitHostPort(address)
	if at, err := netip.ParseAddr(host); host == "" || err == nil && at.IsUnspecified() {
		host = "localhost"
	}
	return net.JoinHostPort(host, port)
}

func (d *diagnosis) server(ctx context.Context) (found []Finding) {
	if d.stale {
		found = append(found, Finding{State: Note, Message: d.tr("igc.sock reste d'un serveur qui n'est plus",
			"igc.sock is left of a server that is no more"),
			Remedy: shell.Command("rm", filepath.Join(d.Home, "igc.sock")),
			fix: func(context.Context) error {
				lab, err := lab.Open(d.Home, d.Lab)
				if err != nil {
					return err
				}
				return lab.RemoveSocket()
			}})
	}
	if !d.running {
		return append([]Finding{{State: Todo,
			Message: d.tr("igc serve ne tourne pas : ni publication, ni OCSP, ni TestSSL",
				"igc serve is not running: no publication, no OCSP, no TestSSL"),
			Remedy: d.igc("serve")}}, found...)
	}
	address := local(d.client.Lab.Config.Listen.TestSSL)
	ctx, cancel := context.WithTimeout(ctx, answer)
	defer cancel()
	dialer := tls.Dialer{Config: &tls.Config{ServerName: "localhost", InsecureSkipVerify: true}} // verified below, twice
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if above := d.testSSLRevoked(); err != nil && above != "" {
		return append(found, Finding{State: Todo,
			Message: fmt.Sprintf(d.tr("igc serve%s : TestSSL n'est pas servi, %s, l'autorité de son certificat, est révoquée",
				"igc serve%s: TestSSL is not served, %s, the authority of its certificate, is revoked"), process(d.pid), above),
			Remedy: d.igc("--home", d.tr("AUTRE", "OTHER"), "init")})
	}
	if err != nil {
		return append(found, Finding{State: Todo, Message: fmt.Sprintf(d.tr("igc serve%s : TestSSL ne répond pas : %v",
			"igc serve%s: TestSSL does not answer: %v"), process(d.pid), d.detail(err)),
			Remedy: d.restart()})
	}
	defer conn.Close()
	state := conn.(*tls.Conn).ConnectionState()
	presented, now := state.PeerCertificates, d.present()
	options := x509.VerifyOptions{DNSName: "localhost", Roots: x509.NewCertPool(),
		Intermediates: x509.NewCertPool(), CurrentTime: now}
	for _, root := range d.roots {
		options.Roots.AddCert(root)
	}
	for _, c := range presented[1:] {
		options.Intermediates.AddCert(c)
	}
	if _, err := presented[0].Verify(options); err != nil {
		return append(found, Finding{State: Todo,
			Message: fmt.Sprintf(d.tr("igc serve%s : le certificat de TestSSL n'est pas bon : %v",
				"igc serve%s: TestSSL's certificate is not good: %v"), process(d.pid), d.detail(err)),
			Remedy: d.restart()})
	}
	if err := checkStaple(state.OCSPResponse, presented, now); err != nil {
		found = append(found, Finding{State: Todo,
			Message: fmt.Sprintf(d.tr("igc serve%s : la réponse OCSP agrafée par TestSSL : %v",
				"igc serve%s: the OCSP answer that TestSSL staples: %v"), process(d.pid), d.detail(err)),
			Remedy: d.restart()})
	}
	_, port, _ := net.SplitHostPort(address)
	found = append(found, Finding{State: OK,
		Message: fmt.Sprintf(d.tr("igc serve%s, https://localhost:%s/, certificat : %s",
			"igc serve%s, https://localhost:%s/, certificate: %s left"),
			process(d.pid), port, d.remaining(presented[0].NotAfter.Sub(now)))})
	options.Roots = nil // the system's
	if _, err := presented[0].Verify(options); err != nil {
		found = append(found, Finding{State: Note,
			Message: d.tr("cette machine ne connaît pas la racine du certificat de TestSSL",
				"this machine does not know the root of TestSSL's certificate"),
			Remedy: d.igc("trust", "install")})
	}
	return found
}

// testSSLRevoked is the revoked authority above TestSSL's own certificate, empty when none is.
func (d *diagnosis) testSSLRevoked() string {
	product, err := profiles.FindProduct("ssl-serv")
	if err != nil {
		return ""
	}
	issuer, err := product.IssuingAuthority()
	if err != nil {
		return ""
	}
	for _, id := range []string{issuer.ID(), issuer.Root().ID()} {
		if d.isRevoked(id) {
			return id
		}
	}
	return ""
}

// isRevoked says whether an authority of the lab is revoked.
func (d *diagnosis) isRevoked(id string) bool {
	return slices.ContainsFunc(d.authorities, func(a ca.AuthorityInfo) bool { return a.ID == id && a.Revoked != nil })
}

// reach is where this machine finds what certificates name: there, when that is this machine, else
// where igc.yaml listens.
func reach(named, listen string) string {
	u, err := url.Parse(named)
	if err != nil {
		return named
	}
	at, err := netip.ParseAddr(u.Hostname())
	if u.Hostname() != "localhost" && !strings.HasSuffix(u.Hostname(), ".localhost") && (err != nil ||
		!at.IsLoopback()) {
		u.Host = local(listen)
	}
	return u.String()
}

// onDisk reads the CRLs of the publication folder, and says which cannot be; absent counts those
// that are not there.
func (d *diagnosis) onDisk() (crls []*crl.CRL, absent int, errs []error) {
	l := crl.NewIssuer(d.client.Lab, d.present)
	for _, info := range d.authorities {
		read, err := l.Published([]ca.AuthorityInfo{info})
		switch {
		case errors.Is(err, fs.ErrNotExist):
			absent++
		case err != nil:
			errs = append(errs, err)
		}
		crls = append(crls, read...)
	}
	return crls, absent, errs
}

// republish makes all CRLs anew.
func (d *diagnosis) republish(ctx context.Context) error {
	client, err := lab.Connect(d.Home, d.Lab)
	if err != nil {
		return err
	}
	return client.Publish(ctx, true, func(ctx context.Context, lab *lab.Lab) error {
		return crl.NewIssuer(lab, d.present).Publish(ctx, true)
	})
}

// listErrors are findings of CRLs that are not good.
func (d *diagnosis) listErrors(errs []error) (found []Finding) {
	if len(errs) == 0 {
		return nil
	}
	text := d.say(errs[0])
	if more := len(errs) - 1; more > 0 {
		text += fmt.Sprintf(d.tr(" ; et %d autres", "; and %d more"), more)
	}
	return []Finding{{State: Todo, Message: text,
		Remedy: d.igc("publish"),
		fix:    d.republish}}
}

// ended are errors of CRLs that hold no more, or not yet; first is the one that ends first.
func ended(crls []*crl.CRL, now time.Time) (first *crl.CRL, errs []error) {
	for _, c := range crls {
		if first == nil || c.NextUpdate.Before(first.NextUpdate) {
			first = c
		}
		name := kindOf(c)
		switch {
		case !now.Before(c.NextUpdate):
			errs = append(errs, errorf("%s n° %d a expiré le %s : les serveurs refusent tout certificat",
				"%s number %d expired on %s: servers refuse every certificate", name, c.Number, c.NextUpdate.Local().Format(time.DateTime)))
		case now.Add(time.Minute).Before(c.ThisUpdate):
			errs = append(errs, errorf("%s n° %d a un thisUpdate dans le futur : %s",
				"%s number %d has a thisUpdate in the future: %s", name, c.Number, c.ThisUpdate.Local().Format(time.DateTime)))
		}
	}
	return first, errs
}

func kindOf(c *crl.CRL) string {
	if c.Base != 0 {
		return "delta CRL " + c.Authority.ID()
	}
	return "CRL " + c.Authority.ID()
}

func (d *diagnosis) publication(ctx context.Context) []Finding {
	if !d.running {
		return d.unpublished()
	}
	config := d.client.Lab.Config
	base := config.URLs
	base.Publication = reach(base.Publication, config.Listen.Publication)
	directory, _ := url.Parse(reach(base.Directory, config.Listen.Directory))
	var crls []*crl.CRL
	var errs []error
	for _, a := range d.each() {
		urls := []string{base.CRL(a.Authority)}
		if !a.IsRoot() {
			urls = append(urls, base.DeltaCRL(a.Authority))
		}
		for _, url := range urls {
			c, err := crl.Fetch(ctx, url, a.certificate)
			if err != nil {
				errs = append(errs, err)
				continue
			}
			c.Authority = a.Authority
			crls = append(crls, c)
		}
		if _, err := ldap.Fetch(ctx, directory.Host, a.Authority, a.certificate); err != nil {
			errs = append(errs, err)
		}
	}
	first, late := ended(crls, d.present())
	found := d.listErrors(append(errs, late...))
	if problems, err := revocation.FetchProblems(ctx, base.Publication+"/healthz"); err != nil {
		found = append(found, Finding{State: Todo, Message: d.say(err),
			Remedy: d.restart()})
	} else {
		for _, p := range problems {
			text := strings.TrimSpace(p.Authority + " " + p.What + d.tr(" : ", ": ") + d.tr(p.Text.FR, p.Text.EN))
			switch {
			case p.What == "authority" || p.What == "authority_revoked" ||
				strings.HasSuffix(p.What, "crl") && p.Level == revocation.Failing && len(late) > 0: // reported already
			default:
				found = append(found, d.problem(p, text))
			}
		}
	}
	if len(found) > 0 || first == nil {
		return found
	}
	full := 0
	for _, c := range crls {
		if c.Base == 0 {
			full++
		}
	}
	return []Finding{{State: OK, Message: fmt.Sprintf(d.tr("%d CRL (HTTP, LDAP) et %d delta, signatures valides ; la première à expirer : %s n° %d, du %s au %s (%s)",
		"%d CRLs (HTTP, LDAP) and %d deltas, signatures valid; first to expire: %s number %d, from %s to %s (%s)"),
		full, len(crls)-full, kindOf(first), first.Number, minutes(first.ThisUpdate), minutes(first.NextUpdate),
		d.remaining(first.NextUpdate.Sub(d.now)))}}
}

func minutes(t time.Time) string { return t.Local().Format("2006-01-02 15:04") }

// unpublished is publication without a server: what stands on the disk, for other servers.
func (d *diagnosis) unpublished() []Finding {
	crls, absent, errs := d.onDisk()
	first, late := ended(crls, d.now)
	if found := d.listErrors(append(errs, late...)); found != nil {
		return found
	}
	text := d.lacks(aServer)
	if first != nil {
		text += fmt.Sprintf(d.tr(" ; sur le disque, %d listes signées, dont %s n° %d, qui expire la première, le %s (%s)",
			"; on the disk, %d signed CRLs, of which %s number %d expires first, on %s (%s)"),
			len(crls), kindOf(first), first.Number, minutes(first.NextUpdate), d.remaining(first.NextUpdate.Sub(d.now)))
	}
	if absent > 0 {
		text += fmt.Sprintf(d.tr(" ; autorités sans liste encore : %d",
			"; authorities without a list yet: %d"), absent)
	}
	return []Finding{{State: Skipped, Message: text}}
}

// asked is a certificate whose status is asked for.
type asked struct {
	name                string
	certificate, issuer *x509.Certificate
	want                int // its status as it is recorded
}

// toAsk is a certificate of each issuing authority: the newest that it issued, else its own, which
// its root answers for.
func (d *diagnosis) toAsk(ctx context.Context) (all []asked, err error) {
	recent, err := d.client.List(ctx, ca.Filter{EndEntities: true, Newest: true, Limit: 200})
	if err != nil {
		return nil, err
	}
	authorities := d.each()
	for _, a := range authorities {
		if a.IsRoot() {
			continue
		}
		root := slices.IndexFunc(authorities, func(r authority) bool { return r.Authority == a.Root() })
		i := slices.IndexFunc(recent, func(r *ca.Record) bool { return r.Authority == a.ID() })
		switch {
		case i >= 0:
			certificate, err := recent[i].Certificate()
			if err != nil {
				return nil, err
			}
			want := xocsp.Good
			if recent[i].Status != ca.Good {
				want = xocsp.Revoked
			}
			all = append(all, asked{a.ID() + " " + recent[i].Serial, certificate, a.certificate, want})
		case root >= 0:
			want := xocsp.Good
			if d.isRevoked(a.ID()) {
				want = xocsp.Revoked
			}
			all = append(all, asked{a.ID(), a.certificate, authorities[root].certificate, want})
		}
	}
	return all, nil
}

func (d *diagnosis) ocsp(ctx context.Context) (found []Finding) {
	config := d.client.Lab.Config
	at := reach(config.URLs.OCSP, config.Listen.Publication)
	all, err := d.toAsk(ctx)
	if err != nil {
		return []Finding{{State: Todo, Message: d.say(err),
			Remedy: d.restart()}}
	}
	words := map[int]string{xocsp.Good: "good", xocsp.Revoked: "revoked", xocsp.Unknown: "unknown"}
	began := time.Now()
	for _, one := range all {
		status, err := ocsp.Fetch(ctx, at, one.certificate, one.issuer)
		switch {
		case err != nil:
			found = append(found, Finding{State: Todo, Message: fmt.Sprintf("%s%s%v", one.name, d.tr(" : ", ": "),
				d.detail(err)),
				Remedy: d.restart()})
		case status.Status != one.want:
			found = append(found, Finding{State: Todo, Message: fmt.Sprintf(d.tr("%s : %s, et les registres disent %s",
				"%s: %s, and the records say %s"), one.name, words[status.Status], words[one.want]),
				Remedy: d.restart()})
		default:
			if err := checkAnswerDates(status, d.present()); err != nil {
				found = append(found, Finding{State: Todo, Message: fmt.Sprintf("%s%s%v", one.name, d.tr(" : ",
					": "), d.detail(err)),
					Remedy: d.restart()})
			}
		}
	}
	if len(found) > 0 {
		return found
	}
	return []Finding{{State: OK, Message: fmt.Sprintf(d.tr("%s : %d autorités, comme disent les registres ; %d ms",
		"%s: %d authorities, as the records say; %d ms"),
		at, len(all), time.Since(began).Milliseconds())}}
}
