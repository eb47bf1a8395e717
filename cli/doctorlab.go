package cli

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
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/crypto/ocsp"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/internal/sockets"
	"github.com/igc-lab/igc/profiles"
	"github.com/igc-lab/igc/revocation"
)

// This file is what igc doctor looks at of a lab and of its server.

// enoughSpace is what a lab wants to have free: a list of a million entries, twice.
const enoughSpace = 100 << 20

func (d *doctor) homeFolder(ctx context.Context) (found []finding) {
	where := short(d.home)
	switch info, err := os.Stat(d.home); {
	case errors.Is(err, fs.ErrNotExist):
		return []finding{todo.say(tr("pas de laboratoire dans %s", "no lab in %s"), where).by(d.igc("init"))}
	case err != nil:
		return []finding{todo.say("%v", err).by(shell("ls", "-ld", d.home))}
	case !info.IsDir():
		return []finding{todo.say(tr("%s n'est pas un dossier", "%s is no folder"), where).by(shell("ls", "-ld", d.home))}
	}
	config := filepath.Join(d.home, "igc.yaml")
	switch kind := ca.KindOf(d.clientErr); {
	case d.clientErr != nil && kind == ca.NotFound && !readable(config):
		return []finding{todo.say(tr("%s n'est pas un laboratoire : igc.yaml y manque", "%s is no lab: it has no igc.yaml"), where).by(d.igc("init"))}
	case d.clientErr != nil:
		return []finding{todo.say("%v", d.clientErr).by("${EDITOR:-vi} " + shell(config))}
	case errors.Is(d.recordsErr, fs.ErrNotExist), d.recordsErr == nil && len(d.authorities) == 0:
		found = append(found, todo.say(tr("%s n'a encore aucune autorité", "%s has no authority yet"), where).by(d.igc("init")))
	case errors.Is(d.recordsErr, context.DeadlineExceeded) && d.running:
		found = append(found, todo.say(tr("igc serve%s tient les registres et ne répond pas", "igc serve%s holds the records and does not answer"), process(d.pid)).by(d.restart()))
	case errors.Is(d.recordsErr, context.DeadlineExceeded):
		found = append(found, todo.is(tr("un autre processus tient les registres, et personne ne répond", "another process holds the records, and nobody answers")).
			by(shell("fuser", "-v", filepath.Join(d.home, "igc.db"))))
	case d.recordsErr != nil:
		found = append(found, todo.say("%v", d.recordsErr).by(shell("cp", "-a", tr("COPIE", "COPY")+"/igc.db", d.home)))
	}
	loose, err := ca.Loose(ctx, d.home)
	if err != nil {
		found = append(found, todo.say("%v", err).by(shell("ls", "-ld", d.home)))
	}
	loose = slices.DeleteFunc(loose, d.isKey)
	found = append(found, d.tighten(loose)...)
	if err := writable(d.home); err != nil {
		found = append(found, todo.say(tr("on ne peut pas écrire dans %s : %v", "cannot write in %s: %v"), where, err).by(shell("ls", "-ld", d.home)))
	}
	free, known := freeSpace(d.home)
	if known && free < enoughSpace {
		found = append(found, todo.say(tr("%d Mo libres dans %s : il en faut 100", "%d MB free in %s: it takes 100"), free>>20, where).by(shell("df", "-h", d.home)))
	}
	if len(found) > 0 {
		return found
	}
	text := fmt.Sprintf(tr("%s, fermé aux autres", "%s, closed to others"), where)
	if known {
		text += fmt.Sprintf(tr(" ; %.1f Go libres", "; %.1f GB free"), float64(free)/(1<<30))
	}
	return []finding{well.is(text)}
}

func readable(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// isKey tells whether the path is in the folder of keys, which is a check of its own.
func (d *doctor) isKey(path string) bool { return filepath.Dir(path) == filepath.Join(d.home, "keys") }

// tighten is about files that others may read: each while there are few of them.
func (d *doctor) tighten(loose []string) []finding {
	if len(loose) == 0 {
		return nil
	}
	var shown []string
	command := []string{"chmod", "go="}
	for _, path := range loose {
		name, _ := filepath.Rel(d.home, path)
		if name == "." {
			name = short(path)
		}
		if info, err := os.Lstat(path); err == nil {
			name += fmt.Sprintf(" (%04o)", info.Mode().Perm())
		}
		shown, command = append(shown, name), append(command, path)
	}
	if len(shown) > 3 {
		shown = append(shown[:2], fmt.Sprintf(tr("et %d autres", "and %d more"), len(shown)-2))
		command = []string{"chmod", "-R", "go=", d.home}
	}
	return []finding{todo.say(tr("ouvert à d'autres que leur propriétaire : %s", "open to others than their owner: %s"), strings.Join(shown, ", ")).
		by(shell(command...)).fixedBy(func(context.Context) error { return ca.Tighten(loose) })}
}

// process names a process in parentheses, when it is known.
func process(pid int) string {
	if pid == 0 {
		return ""
	}
	return fmt.Sprintf(" (PID %d)", pid)
}

// restart is how a server is ended and started again.
func (d *doctor) restart() string {
	if d.pid == 0 {
		return d.igc("serve")
	}
	return fmt.Sprintf("kill %d; sleep 3; ", d.pid) + d.igc("serve")
}

// authority is one that the lab has, as it is recorded.
type authority struct {
	profiles.Authority
	certificate *x509.Certificate
}

// each are the authorities that can be read; checkAuthorities tells of the others.
func (d *doctor) each() (all []authority) {
	for _, info := range d.authorities {
		a, err := profiles.ParseAuthority(info.ID)
		certificate, parseErr := x509.ParseCertificate(info.DER)
		if err == nil && parseErr == nil {
			all = append(all, authority{a, certificate})
		}
	}
	return all
}

func (d *doctor) keys(ctx context.Context) (found []finding) {
	loose, err := ca.Loose(ctx, d.home)
	if err != nil {
		found = append(found, todo.say("%v", err).by(shell("ls", "-ld", d.home)))
	}
	found = append(found, d.tighten(slices.DeleteFunc(loose, func(path string) bool { return !d.isKey(path) }))...)

	all := d.each()
	unlockable := d.client.Unlockable()
	errs := make([]error, len(all))
	var wg sync.WaitGroup
	slots := make(chan struct{}, runtime.GOMAXPROCS(0)) // each takes 150 ms of a processor
	for i, a := range all {
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			if !unlockable {
				_, errs[i] = os.Stat(d.client.KeyFile(a.Authority))
				return
			}
			_, errs[i] = bounded(ctx, func(context.Context) (any, error) { return d.client.Signer(a.Authority, a.certificate) })
		})
	}
	wg.Wait()
	wrong := 0
	for _, err := range errs {
		if ca.KindOf(err) == ca.Passphrase {
			wrong++
		}
	}
	if wrong == len(all) && wrong > 0 {
		return append(found, todo.say(tr("la phrase secrète n'ouvre aucune des %d clés", "the passphrase opens none of the %d keys"), wrong).
			by(d.igc("--passphrase-file", tr("FICHIER", "FILE"), "doctor")))
	}
	for i, err := range errs {
		file := d.client.KeyFile(all[i].Authority)
		restore := shell("cp", "-p", tr("COPIE", "COPY")+"/keys/"+filepath.Base(file), filepath.Dir(file))
		switch {
		case err == nil:
		case errors.Is(err, fs.ErrNotExist):
			found = append(found, todo.say(tr("%s manque : à reprendre d'une copie du laboratoire", "%s is missing: to be taken from a copy of the lab"), short(file)).by(restore))
		case ca.KindOf(err) == ca.Passphrase: // others open with it
			found = append(found, todo.say(tr("%s est abîmée : à reprendre d'une copie du laboratoire", "%s is damaged: to be taken from a copy of the lab"), short(file)).by(restore))
		default:
			found = append(found, todo.say("%v", err).by(restore))
		}
	}
	switch {
	case len(found) > 0:
		return found
	case !unlockable:
		return []finding{noted.say(tr("%d clés, non ouvertes : la phrase secrète du laboratoire n'est pas donnée", "%d keys, not opened: the lab's passphrase is not given"), len(all)).
			by(d.igc("--passphrase-file", tr("FICHIER", "FILE"), "doctor"))}
	}
	return []finding{well.say(tr("%d, chiffrées, 0600 ; chacune s'ouvre et va avec son certificat", "%d, encrypted, 0600; each opens and goes with its certificate"), len(all))}
}

func (d *doctor) chains(context.Context) []finding { return checkChains(d.authorities, d.home) }

// checkChains verifies each authority: its profile and names, the signature of its root, and TEST in every name.
func checkChains(list []ca.AuthorityInfo, home string) (found []finding) {
	restore := shell("cp", "-a", tr("COPIE", "COPY")+"/igc.db", home)
	bad := func(id, format string, args ...any) {
		found = append(found, todo.say("%s", id+tr(" : ", ": ")+fmt.Sprintf(format, args...)).by(restore))
	}
	certificates := map[string]*x509.Certificate{}
	for _, info := range list { // roots come first
		a, err := profiles.ParseAuthority(info.ID)
		if err != nil {
			bad(info.ID, "%v", err)
			continue
		}
		decoded, err := profiles.Decode(info.DER)
		if err != nil {
			bad(info.ID, "%v", err)
			continue
		}
		certificate, err := x509.ParseCertificate(info.DER)
		if err != nil {
			bad(info.ID, "%v", err)
			continue
		}
		certificates[info.ID] = certificate
		root := certificates[a.Root().ID()]
		switch {
		case !strings.HasPrefix(certificate.Subject.CommonName, "TEST "):
			bad(info.ID, tr("%q n'est pas un nom de TEST", "%q is no TEST name"), certificate.Subject.CommonName)
		case certificate.Subject.CommonName != a.CommonName():
			bad(info.ID, tr("le certificat est celui de %q", "the certificate is that of %q"), certificate.Subject.CommonName)
		case len(decoded.Findings) > 0:
			bad(info.ID, "%s", tr(decoded.Findings[0].FR, decoded.Findings[0].EN))
		case root == nil:
			bad(info.ID, tr("sa racine %s manque", "its root %s is missing"), a.Root().ID())
		default:
			if err := certificate.CheckSignatureFrom(root); err != nil {
				bad(info.ID, tr("n'est pas signée par %s : %v", "is not signed by %s: %v"), a.Root().ID(), err)
			}
		}
	}
	if len(found) > 0 {
		return found
	}
	text := fmt.Sprintf(tr("%d sur %d, de TEST ; chacune est signée par sa racine", "%d of %d, all TEST; each is signed by its root"), len(list), len(profiles.Authorities()))
	return []finding{well.is(text)}
}

// cardsEnd is how long before their end cards are told of.
const cardsEnd = 30 * 24 * time.Hour

func (d *doctor) dates(ctx context.Context) []finding {
	found := checkDates(d.each(), d.now, d.client.Config.WarnBefore, d.igc("--home", tr("AUTRE", "OTHER"), "init"))
	soon, cancel := context.WithTimeout(ctx, answer) // in a large lab it takes a while, and it is only a note
	defer cancel()
	records, err := bounded(soon, func(ctx context.Context) ([]*ca.Record, error) {
		return d.client.List(ctx, ca.Filter{EndEntities: true, Status: ca.Good, ExpiresBefore: d.now.Add(cardsEnd), Limit: 200})
	})
	cards := map[string]bool{} // whether it ended
	for _, r := range records {
		if r.Holder.CardNumber != "" {
			cards[r.Holder.CardNumber] = cards[r.Holder.CardNumber] || !d.now.Before(r.NotAfter)
		}
	}
	if err != nil || len(cards) == 0 {
		return found
	}
	ended := 0
	for _, is := range cards {
		if is {
			ended++
		}
	}
	return append(found, noted.say(tr("cartes échues : %d ; qui échoient dans les 30 jours : %d", "cards that ended: %d; that end within 30 days: %d"), ended, len(cards)-ended).
		by(d.igc("list", "--expires-before", "30d")))
}

// checkDates tells of the authority that ends first, and of all that have ended or are about to.
func checkDates(all []authority, now time.Time, before time.Duration, mend string) (found []finding) {
	var first *authority
	for i, a := range all {
		end := a.certificate.NotAfter
		if first == nil || end.Before(first.certificate.NotAfter) {
			first = &all[i]
		}
		switch left := end.Sub(now); {
		case now.Before(a.certificate.NotBefore):
			found = append(found, todo.say(tr("%s ne vaut qu'à partir du %s : voir horloge", "%s holds from %s on only: see clock"), a.ID(), a.certificate.NotBefore.Format(time.DateTime)).
				by("date"))
		case left <= 0:
			found = append(found, todo.say(tr("%s a pris fin le %s : faites un autre laboratoire", "%s ended on %s: make another lab"), a.ID(), end.Format(time.DateOnly)).by(mend))
		case left < before:
			found = append(found, noted.say(tr("%s prend fin le %s, dans %s", "%s ends on %s, in %s"), a.ID(), end.Format(time.DateOnly), remaining(left)).by(mend))
		}
	}
	if len(found) == 0 && first != nil {
		end := first.certificate.NotAfter
		found = append(found, well.say(tr("%s finit la première, le %s : encore %s", "%s ends first, on %s: %s left"), first.ID(), end.Format(time.DateOnly), remaining(end.Sub(now))))
	}
	return found
}

// remaining is a time left, in days or, when they are few, in hours.
func remaining(d time.Duration) string {
	if days := int(d / (24 * time.Hour)); days > 1 {
		return fmt.Sprintf(tr("%d jours", "%d days"), days)
	}
	return fmt.Sprintf("%d h", int(d.Hours()))
}

// addresses are those of igc.yaml, by their names there.
func (d *doctor) addresses() [][2]string {
	l := d.client.Config.Listen
	return [][2]string{{"publication", l.Publication}, {"testssl", l.TestSSL}, {"tls13", l.TLS13}, {"strict", l.Strict}, {"any_ca", l.AnyCA}, {"directory", l.Directory}}
}

func (d *doctor) ports(ctx context.Context) (found []finding) {
	open := sockets.List()
	var numbers []string
	for _, a := range d.addresses() {
		host, port, _ := net.SplitHostPort(a[1])
		if numbers = append(numbers, port); port == "0" {
			continue // one that is free
		}
		label := a[1] + " (" + a[0] + ")"
		i := slices.IndexFunc(open, func(s sockets.Socket) bool { return s.Listening && takes(s, host, port) })
		var pid int
		var name string
		if i >= 0 {
			pid, name = open[i].Owner()
		}
		taken := todo.say(tr("%s est pris par %s%s : arrêtez-le, ou un autre port dans igc.yaml (listen)", "%s is held by %s%s: end it, or another port in igc.yaml (listen)"), label, orSomeone(name), process(pid)).
			by(killOrShow(pid, port))
		switch {
		case d.running && i >= 0 && (pid == d.pid || pid == 0 || d.pid == 0):
		case d.running && i >= 0:
			found = append(found, taken)
		case d.running:
			if conn, err := new(net.Dialer).DialContext(ctx, "tcp", local(a[1])); err == nil { // a system that does not show sockets
				conn.Close()
				continue
			}
			found = append(found, todo.say(tr("igc serve%s n'écoute pas sur %s : igc.yaml a changé depuis son départ", "igc serve%s does not listen on %s: igc.yaml has changed since it started"),
				process(d.pid), label).by(d.restart()))
		default:
			l, err := new(net.ListenConfig).Listen(ctx, "tcp", a[1])
			switch {
			case err == nil:
				l.Close()
			case errors.Is(err, syscall.EADDRINUSE):
				found = append(found, taken)
			default: // reserved to root, or no address of this machine
				found = append(found, todo.say("%s%s%v", label, tr(" : ", ": "), err).by("${EDITOR:-vi} "+shell(filepath.Join(d.home, "igc.yaml"))))
			}
		}
	}
	if len(found) > 0 {
		return found
	}
	whose := tr("libres", "free")
	if d.running {
		whose = tr("à igc serve", "those of igc serve") + process(d.pid)
	}
	return []finding{well.say("%s%s%s", strings.Join(numbers, ", "), tr(" : ", ": "), whose)}
}

// takes tells whether a socket has an address, its own or every one of the machine.
func takes(s sockets.Socket, host, port string) bool {
	if strconv.Itoa(int(s.Local.Port())) != port {
		return false
	}
	at, err := netip.ParseAddr(host)
	return err != nil || at.IsUnspecified() || s.Local.Addr().IsUnspecified() || s.Local.Addr() == at.Unmap()
}

func orSomeone(program string) string {
	if program == "" {
		return tr("un autre programme", "another program")
	}
	return program
}

// killOrShow ends the process that has a port, when it is known, and shows it to root else.
func killOrShow(pid int, port string) string {
	if pid != 0 {
		return fmt.Sprintf("kill %d", pid)
	}
	return "sudo ss -ltnp " + shell("sport = :"+port)
}

// local is an address to connect to: a server that listens on all of them is on this machine too.
func local(address string) string {
	host, port, _ := net.SplitHostPort(address)
	if at, err := netip.ParseAddr(host); host == "" || err == nil && at.IsUnspecified() {
		host = "localhost"
	}
	return net.JoinHostPort(host, port)
}

func (d *doctor) server(ctx context.Context) (found []finding) {
	if d.stale {
		found = append(found, noted.is(tr("igc.sock reste d'un serveur qui n'est plus", "igc.sock is left of a server that is no more")).by(shell("rm", filepath.Join(d.home, "igc.sock"))).
			fixedBy(func(context.Context) error {
				lab, err := ca.Open(d.home, d.opts)
				if err != nil {
					return err
				}
				return lab.RemoveSocket()
			}))
	}
	if !d.running {
		return append([]finding{todo.is(tr("igc serve ne tourne pas : ni publication, ni OCSP, ni TestSSL", "igc serve is not running: no publication, no OCSP, no TestSSL")).by(d.igc("serve"))}, found...)
	}
	address := local(d.client.Config.Listen.TestSSL)
	ctx, cancel := context.WithTimeout(ctx, answer)
	defer cancel()
	dialer := tls.Dialer{Config: &tls.Config{ServerName: "localhost", InsecureSkipVerify: true}} // verified below, twice
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return append(found, todo.say(tr("igc serve%s : TestSSL ne répond pas : %v", "igc serve%s: TestSSL does not answer: %v"), process(d.pid), err).by(d.restart()))
	}
	defer conn.Close()
	presented := conn.(*tls.Conn).ConnectionState().PeerCertificates
	options := x509.VerifyOptions{DNSName: "localhost", Roots: x509.NewCertPool(), Intermediates: x509.NewCertPool(), CurrentTime: d.now}
	for _, root := range d.roots {
		options.Roots.AddCert(root)
	}
	for _, c := range presented[1:] {
		options.Intermediates.AddCert(c)
	}
	if _, err := presented[0].Verify(options); err != nil {
		return append(found, todo.say(tr("igc serve%s : le certificat de TestSSL n'est pas bon : %v", "igc serve%s: TestSSL's certificate is not good: %v"), process(d.pid), err).by(d.restart()))
	}
	_, port, _ := net.SplitHostPort(address)
	found = append(found, well.say(tr("igc serve%s, https://localhost:%s/, certificat : %s", "igc serve%s, https://localhost:%s/, certificate: %s left"),
		process(d.pid), port, remaining(presented[0].NotAfter.Sub(d.now))))
	options.Roots = nil // the system's
	if _, err := presented[0].Verify(options); err != nil {
		found = append(found, noted.is(tr("cette machine ne connaît pas la racine du certificat de TestSSL", "this machine does not know the root of TestSSL's certificate")).by(d.igc("trust", "install")))
	}
	return found
}

// reach is where this machine finds what certificates name: there, when that is this machine, else where igc.yaml listens.
func reach(named, listen string) string {
	u, err := url.Parse(named)
	if err != nil {
		return named
	}
	at, err := netip.ParseAddr(u.Hostname())
	if u.Hostname() != "localhost" && !strings.HasSuffix(u.Hostname(), ".localhost") && (err != nil || !at.IsLoopback()) {
		u.Host = local(listen)
	}
	return u.String()
}

// onDisk reads the lists of the publication folder, and says which cannot be; absent counts those that are not there.
func (d *doctor) onDisk() (lists []*revocation.CRL, absent int, errs []error) {
	l := revocation.NewLists(d.client.Lab, time.Now)
	for _, info := range d.authorities {
		read, err := l.Published([]ca.AuthorityInfo{info})
		switch {
		case errors.Is(err, fs.ErrNotExist):
			absent++
		case err != nil:
			errs = append(errs, err)
		}
		lists = append(lists, read...)
	}
	return lists, absent, errs
}

// republish makes all lists anew.
func (d *doctor) republish(ctx context.Context) error {
	client, err := ca.Connect(d.home, d.opts)
	if err != nil {
		return err
	}
	revocation.NewLists(client.Lab, time.Now)
	return client.Publish(ctx, true)
}

// listErrors are findings of lists that are not good.
func (d *doctor) listErrors(errs []error) (found []finding) {
	if len(errs) == 0 {
		return nil
	}
	text := errs[0].Error()
	if more := len(errs) - 1; more > 0 {
		text += fmt.Sprintf(tr(" ; et %d autres", "; and %d more"), more)
	}
	return []finding{todo.is(text).by(d.igc("publish")).fixedBy(d.republish)}
}

// ended are errors of lists that hold no more, or not yet; first is the one that ends first.
func ended(lists []*revocation.CRL, now time.Time) (first *revocation.CRL, errs []error) {
	for _, c := range lists {
		if first == nil || c.NextUpdate.Before(first.NextUpdate) {
			first = c
		}
		name := kindOf(c)
		switch {
		case !now.Before(c.NextUpdate):
			errs = append(errs, fmt.Errorf(tr("%s n° %d a pris fin le %s : tout certificat est refusé", "%s number %d ended on %s: every certificate is refused"), name, c.Number, c.NextUpdate.Local().Format(time.DateTime)))
		case now.Add(time.Minute).Before(c.ThisUpdate):
			errs = append(errs, fmt.Errorf(tr("%s n° %d est du futur : %s", "%s number %d is of the future: %s"), name, c.Number, c.ThisUpdate.Local().Format(time.DateTime)))
		}
	}
	return first, errs
}

func kindOf(c *revocation.CRL) string {
	if c.Base != 0 {
		return "delta CRL " + c.Authority.ID()
	}
	return "CRL " + c.Authority.ID()
}

func (d *doctor) publication(ctx context.Context) []finding {
	if !d.running {
		return d.unpublished()
	}
	config := d.client.Config
	base := config.URLs
	base.Publication = reach(base.Publication, config.Listen.Publication)
	directory, _ := url.Parse(reach(base.Directory, config.Listen.Directory))
	var lists []*revocation.CRL
	var errs []error
	for _, a := range d.each() {
		urls := []string{base.CRL(a.Authority)}
		if !a.IsRoot() {
			urls = append(urls, base.DeltaCRL(a.Authority))
		}
		for _, url := range urls {
			c, err := revocation.FetchCRL(ctx, url, a.certificate)
			if err != nil {
				errs = append(errs, err)
				continue
			}
			c.Authority = a.Authority
			lists = append(lists, c)
		}
		if _, err := revocation.FetchDirectoryCRL(ctx, directory.Host, a.Authority, a.certificate); err != nil {
			errs = append(errs, err)
		}
	}
	first, late := ended(lists, d.now)
	found := d.listErrors(append(errs, late...))
	if problems, err := revocation.FetchProblems(ctx, base.Publication+"/healthz"); err != nil {
		found = append(found, todo.say("%v", err).by(d.restart()))
	} else {
		for _, p := range problems {
			text := strings.TrimSpace(p.Authority + " " + p.What + tr(" : ", ": ") + p.Text)
			switch {
			case p.What == "authority" || p.Level == revocation.Failing && len(late) > 0: // told already
			case p.Level == revocation.Failing:
				found = append(found, todo.is(text).by(d.igc("publish")).fixedBy(d.republish))
			default:
				found = append(found, noted.is(text).by(d.igc("publish")))
			}
		}
	}
	if len(found) > 0 || first == nil {
		return found
	}
	full := 0
	for _, c := range lists {
		if c.Base == 0 {
			full++
		}
	}
	return []finding{well.say(tr("%d CRL (HTTP, LDAP) et %d delta, bien signées ; la première à finir : %s n° %d, du %s au %s (%s)",
		"%d CRLs (HTTP, LDAP) and %d deltas, rightly signed; first to end: %s number %d, from %s to %s (%s)"),
		full, len(lists)-full, kindOf(first), first.Number, minutes(first.ThisUpdate), minutes(first.NextUpdate), remaining(first.NextUpdate.Sub(d.now)))}
}

func minutes(t time.Time) string { return t.Local().Format("2006-01-02 15:04") }

// unpublished is publication without a server: what stands on the disk, for other servers.
func (d *doctor) unpublished() []finding {
	lists, absent, errs := d.onDisk()
	first, late := ended(lists, d.now)
	if found := d.listErrors(append(errs, late...)); found != nil {
		return found
	}
	text := d.lacks(aServer)
	if first != nil {
		text += fmt.Sprintf(tr(" ; sur le disque, %d listes signées, dont %s n° %d, qui finit d'abord, le %s (%s)", "; on the disk, %d signed lists, of which %s number %d ends first, on %s (%s)"),
			len(lists), kindOf(first), first.Number, minutes(first.NextUpdate), remaining(first.NextUpdate.Sub(d.now)))
	}
	if absent > 0 {
		text += fmt.Sprintf(tr(" ; autorités sans liste encore : %d", "; authorities without a list yet: %d"), absent)
	}
	return []finding{skipped.is(text)}
}

// asked is a certificate whose status is asked for.
type asked struct {
	name                string
	certificate, issuer *x509.Certificate
	want                int // its status as it is recorded
}

// toAsk is a certificate of each issuing authority: the newest that it issued, else its own, which its root answers for.
func (d *doctor) toAsk(ctx context.Context) (all []asked, err error) {
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
			want := ocsp.Good
			if recent[i].Status != ca.Good {
				want = ocsp.Revoked
			}
			all = append(all, asked{a.ID() + " " + recent[i].Serial, certificate, a.certificate, want})
		case root >= 0:
			all = append(all, asked{a.ID(), a.certificate, authorities[root].certificate, ocsp.Good})
		}
	}
	return all, nil
}

func (d *doctor) ocsp(ctx context.Context) (found []finding) {
	config := d.client.Config
	at := reach(config.URLs.OCSP, config.Listen.Publication)
	all, err := d.toAsk(ctx)
	if err != nil {
		return []finding{todo.say("%v", err).by(d.restart())}
	}
	words := map[int]string{ocsp.Good: "good", ocsp.Revoked: "revoked", ocsp.Unknown: "unknown"}
	began := time.Now()
	for _, one := range all {
		status, err := revocation.FetchStatus(ctx, at, one.certificate, one.issuer)
		switch {
		case err != nil:
			found = append(found, todo.say("%s%s%v", one.name, tr(" : ", ": "), err).by(d.restart()))
		case status.Status != one.want:
			found = append(found, todo.say(tr("%s : %s, et les registres disent %s", "%s: %s, and the records say %s"), one.name, words[status.Status], words[one.want]).by(d.restart()))
		case !d.now.Before(status.NextUpdate.Add(time.Minute)):
			found = append(found, todo.say(tr("%s : la réponse a pris fin le %s", "%s: the answer ended on %s"), one.name, status.NextUpdate.Local().Format(time.DateTime)).by(d.restart()))
		}
	}
	if len(found) > 0 {
		return found
	}
	return []finding{well.say(tr("%s : %d autorités, comme disent les registres ; %d ms", "%s: %d authorities, as the records say; %d ms"),
		at, len(all), time.Since(began).Milliseconds())}
}

func (d *doctor) clock(ctx context.Context) (found []finding) {
	latest, of := time.Time{}, ""
	later := func(t time.Time, what string) {
		if t.After(latest) {
			latest, of = t, what
		}
	}
	if d.lacks(records) == "" {
		if last, err := d.client.List(ctx, ca.Filter{Newest: true, Limit: 1}); err == nil && len(last) > 0 {
			later(last[0].IssuedAt, tr("le dernier certificat émis", "the last certificate issued"))
		}
		lists, _, _ := d.onDisk()
		for _, c := range lists {
			later(c.ThisUpdate, kindOf(c))
		}
	}
	return checkClock(time.Now(), latest, of)
}

// checkClock holds the clock to the latest date that the lab wrote.
func checkClock(now, latest time.Time, of string) []finding {
	sync, text := "sudo timedatectl set-ntp true", now.Format("2006-01-02 15:04:05 -07:00")
	if behind := latest.Sub(now); behind > 5*time.Second {
		return []finding{todo.say(tr("%s : en retard de %s sur %s (%s)", "%s: %s behind %s (%s)"), text, behind.Round(time.Second), of, latest.Local().Format(time.DateTime)).by(sync)}
	}
	if is, known := synchronised(); known && !is {
		return []finding{noted.is(text + tr(", pas synchronisée", ", not synchronised")).by(sync)}
	}
	if !latest.IsZero() {
		text += tr(", après tout ce que le laboratoire a daté", ", after all that the lab dated")
	}
	return []finding{well.is(text)}
}
