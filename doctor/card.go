package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/igc-lab/igc/ca"
	vcard "github.com/igc-lab/igc/card"
	"github.com/igc-lab/igc/card/folder"
	"github.com/igc-lab/igc/card/install"
	"github.com/igc-lab/igc/card/vpcd"
	"github.com/igc-lab/igc/internal/shell"
	"github.com/igc-lab/igc/profiles"
)

// This file is what igc doctor looks at of the virtual cards, and of the software that is to see
// them.

// moduleSource is the module that igc card install takes, or, where none was built beside igc, the
// runCheck that it installed.
func (d *diagnosis) moduleSource() (path string, there bool) {
	beside, err := install.BesideProgram()
	if err == nil && readable(beside) {
		return beside, true
	}
	installed := install.Installed(d.Home)
	if readable(installed) {
		return installed, true
	}
	return beside, false
}

// makeModule builds the module where it is looked for.
func makeModule(path string) string {
	up := filepath.Dir(filepath.Dir(path))
	if filepath.Base(filepath.Dir(path)) == "build" && readable(filepath.Join(up, "Makefile")) {
		return shell.Command("make", "-C", up, "module")
	}
	return shell.Command("make", "module", "MODULE="+path)
}

func (d *diagnosis) setting() (install.Setting, error) {
	s, err := install.UserSetting(d.Home)
	s.Roots = d.roots
	s.Module, _ = d.moduleSource()
	return s, err
}

func (d *diagnosis) module(context.Context) (found []Finding) {
	if runtime.GOOS != "linux" {
		return []Finding{{State: Note, Unused: true,
			Message: d.tr("les navigateurs de ce système ne lisent pas de module PKCS#11 : les cartes y sont importées",
				"the browsers of this system read no PKCS#11 module: cards are imported there"),
			Remedy: d.igc("card", "install")}}
	}
	path, there := d.moduleSource()
	s, err := d.setting()
	if err != nil {
		return []Finding{{State: Todo, Message: d.say(err),
			Remedy: d.igc("card", "install")}}
	}
	made, err := s.Made()
	if err != nil {
		return []Finding{{State: Todo, Message: d.say(err),
			Remedy: shell.Command("mv", filepath.Join(d.Home, "module"), filepath.Join(d.Home, "module.old"))}}
	}
	if !there && len(made) == 0 {
		return []Finding{{State: Note, Unused: true,
			Message: fmt.Sprintf(d.tr("%s n'est pas là : il ne sert qu'aux logiciels qui lisent les cartes par PKCS#11",
				"%s is not there: it only serves software that reads cards through PKCS#11"), shell.ShortPath(path)),
			Remedy: makeModule(path)}}
	}
	if !there {
		return []Finding{{State: Todo, Message: fmt.Sprintf(d.tr("%s a disparu, et des logiciels le cherchent",
			"%s has gone, and software looks for it"), shell.ShortPath(install.Installed(d.Home))),
			Remedy: makeModule(path)}}
	}
	version, err := install.CheckModule(path)
	if err != nil {
		beside, _ := install.BesideProgram()
		again := makeModule(beside)
		if beside == path { // go build replaces no file that it did not make
			again = shell.Command("rm", path) + " && " + again
		}
		return []Finding{{State: Todo, Message: d.say(err),
			Remedy: again}}
	}
	if len(made) > 0 && d.recordsErr == nil { // what is installed is what was built, with the lab's roots
		if stale := d.standing(s, "lab"); stale != nil {
			return append(found, *stale)
		}
	}
	if mine := d.Version; version != "" && mine != "" && version != mine {
		return []Finding{{State: Note, Message: fmt.Sprintf(d.tr("%s est de la version %s, et igc de la version %s",
			"%s is of version %s, and igc of version %s"), shell.ShortPath(path), version, mine),
			Remedy: makeModule(path)}}
	}
	return []Finding{{State: OK, Message: strings.TrimSpace(shell.ShortPath(path) + ", " + runtime.GOARCH + " " + version)}}
}

// software is a program that package install configures, with the name that igc doctor prints.
type software struct{ name, fr, en string }

// installedSoftware lists the programs that igc doctor examines. The lab's own folder is examined
// with the module.
var installedSoftware = func() []software {
	if runtime.GOOS != "linux" {
		return []software{{"import", "import", "import"}}
	}
	return []software{{"nss", "bases NSS", "NSS databases"}, {"firefox", "règle Firefox", "Firefox policy"},
		{"p11-kit", "p11-kit", "p11-kit"},
		{"java", "Java", "Java"}, {"openssl", "OpenSSL", "OpenSSL"}, {"system", "système", "system"}}
}()

// standing tells of what was installed in a place and stands no more; nil when all of it does.
func (d *diagnosis) standing(s install.Setting, place string) *Finding {
	standings, err := s.ChangeStatuses([]string{place})
	if err != nil {
		f := Finding{State: Todo, Message: d.say(err),
			Remedy: d.igc("card", "install", "--only", place)}
		return &f
	}
	var stale []install.Change
	for _, st := range standings {
		if st.Place == place && !st.Done {
			stale = append(stale, st.Change)
		}
	}
	if len(stale) == 0 {
		return nil
	}
	text := strings.TrimPrefix(d.tr(stale[0].FR(), stale[0].EN()), place+": ")
	if more := len(stale) - 1; more > 0 {
		text += fmt.Sprintf(d.tr(" ; et %d autres", "; and %d more"), more)
	}
	f := Finding{State: Todo, Message: fmt.Sprintf(d.tr("n'est plus comme installé : %s",
		"is not as it was installed: %s"), text),
		Remedy: d.install(place),
		fix: func(context.Context) error {
			for _, c := range stale {
				if err := s.Make(c); err != nil {
					return err
				}
			}
			return nil
		}}
	return &f
}

// install is the command that installs in a place: that of root, for what is root's.
func (d *diagnosis) install(place string) string {
	if slices.Contains([]string{"firefox", "system"}, place) && os.Geteuid() != 0 {
		return shell.Command("sudo", "igc", "--home", d.Home, "card", "install", "--only", place)
	}
	return d.igc("card", "install", "--only", place)
}

// installed tells how a place stands. What was never installed there is only noted.
func (d *diagnosis) installed(p software) []Finding {
	s, err := d.setting()
	if err != nil {
		return []Finding{{State: Todo, Message: d.say(err),
			Remedy: d.install(p.name)}}
	}
	made, err := s.Made()
	if _, there := d.moduleSource(); !there && runtime.GOOS == "linux" {
		return []Finding{{State: Skipped, Unused: err == nil && len(made) == 0, Message: d.tr("voir module",
			"see module")}}
	}
	if err != nil {
		return []Finding{{State: Skipped, Message: d.tr("voir module", "see module")}}
	}
	wanted := slices.ContainsFunc(made, func(c install.Change) bool { return c.Place == p.name })
	if _, err := exec.LookPath("certutil"); err != nil && p.name == "nss" {
		missing := Note
		if wanted {
			missing = Todo
		}
		return []Finding{{State: missing, Message: d.tr("certutil manque : Chromium ne peut être ni examiné ni réglé",
			"certutil is missing: Chromium can neither be examined nor set up"),
			Remedy: "sudo apt install libnss3-tools"}}
	}
	standings, err := s.ChangeStatuses([]string{p.name})
	if err != nil {
		return []Finding{{State: Todo, Message: d.say(err),
			Remedy: d.install(p.name)}}
	}
	var targets, files []string
	stands := 0
	for _, st := range standings {
		switch {
		case st.Place != p.name:
			continue
		case st.Err != nil:
			return []Finding{{State: Todo, Message: d.say(st.Err),
				Remedy: "${EDITOR:-vi} " + shell.Command(st.Target)}}
		case st.Done:
			stands++
		}
		if !slices.Contains(targets, st.Target) {
			targets, files = append(targets, st.Target), append(files, filepath.Base(st.Target))
		}
	}
	where := ""
	switch {
	case len(targets) > 0 && p.name == "system": // names that say nothing
		where = fmt.Sprintf(d.tr("racines dans %s : %d", "roots in %s: %d"), filepath.Dir(targets[0]), len(targets))
	case len(targets) == 1 || p.name == "nss":
		for i := range targets {
			targets[i] = shell.ShortPath(targets[i])
		}
		where = strings.Join(targets, ", ")
	case len(targets) > 1:
		where = fmt.Sprintf(d.tr("%s dans %s",
			"%s in %s"), strings.Join(files, ", "), shell.ShortPath(filepath.Dir(targets[0])))
	}
	all := len(slices.DeleteFunc(standings, func(st install.ChangeStatus) bool { return st.Place != p.name }))
	switch {
	case stands == all && p.name == "nss":
		return []Finding{{State: OK, Message: fmt.Sprintf(d.tr("%s : module, racines : %d",
			"%s: module, roots: %d"), where, len(d.roots))}}
	case stands == all:
		return []Finding{{State: OK, Message: where}}
	case !wanted:
		return []Finding{{State: Note, Unused: true, Message: fmt.Sprintf(d.tr("rien d'installé : %s",
			"nothing installed: %s"), where),
			Remedy: d.install(p.name)}}
	}
	return []Finding{*d.standing(s, p.name)}
}

func (d *diagnosis) pcscd(context.Context) (found []Finding) {
	m := vpcd.Look("/")
	switch {
	case runtime.GOOS != "linux":
		return []Finding{{State: Note, Unused: true, Message: d.tr("n'est examiné que sous Linux",
			"is only looked at on Linux")}}
	case m.Program == "" && m.PID == 0:
		return []Finding{{State: Note, Unused: true,
			Message: d.tr("absent : il ne sert qu'aux logiciels qui lisent les cartes par PC/SC",
				"absent: it only serves software that reads cards through PC/SC"),
			Remedy: "sudo apt install pcscd vsmartcard-vpcd"}}
	case m.Conf == "":
		found = append(found, Finding{State: Note, Unused: m.PID == 0,
			Message: d.tr("aucun reader.conf ne nomme le pilote vpcd",
				"no reader.conf names the driver vpcd"),
			Remedy: "sudo apt install vsmartcard-vpcd"})
	case m.Missing:
		found = append(found, Finding{State: Todo, Message: fmt.Sprintf(d.tr("%s nomme %s, qui n'est pas là",
			"%s names %s, which is not there"), m.Conf, m.Driver),
			Remedy: "sudo apt install --reinstall vsmartcard-vpcd"})
	}
	if m.PID == 0 {
		start := "sudo pcscd"
		if readable("/run/systemd/system") {
			start = "sudo systemctl start pcscd"
		}
		return append(found, Finding{State: Note, Unused: true,
			Message: fmt.Sprintf(d.tr("%s est installé, et ne tourne pas",
				"%s is installed, and does not run"), m.Program),
			Remedy: start})
	}
	found = append(found, Finding{State: OK, Message: fmt.Sprintf(d.tr("tourne%s ; vpcd : %s%s",
		"runs%s; vpcd: %s%s"), process(m.PID), m.Address, d.keptTo(m))})
	if open := m.Exposed(); len(open) > 0 {
		found = append(found, Finding{State: Note,
			Message: fmt.Sprintf(d.tr("vpcd écoute au-delà de cette machine (%s), quoi que dise reader.conf : qui l'atteint reçoit le code que l'on tape",
				"vpcd listens beyond this machine (%s), whatever reader.conf says: who reaches it is given the PIN that is typed"),
				strings.Join(open, ", ")),
			Remedy: vpcd.ConfineCommand()})
	}
	return found
}

// keptTo says what keeps vpcd's ports from others.
func (d *diagnosis) keptTo(m vpcd.Machine) string {
	switch {
	case m.Elsewhere:
		return d.tr(", dans un réseau à part", ", in a network of its own")
	case m.Confined:
		return d.tr(", que systemd ferme aux autres machines", ", which systemd closes to other machines")
	}
	return ""
}

func (d *diagnosis) reader(context.Context) (found []Finding) {
	m := vpcd.Look("/")
	if m.PID == 0 {
		return []Finding{{State: Skipped, Unused: true, Message: d.tr("pcscd ne tourne pas", "pcscd is not running")}}
	}
	programs := vpcd.Programs("/")
	for _, p := range m.Players() {
		i := slices.IndexFunc(programs, func(r vpcd.Program) bool { return r.PID == p.PID && d.otherLab(r) })
		if i >= 0 {
			found = append(found, Finding{State: Note,
				Message: fmt.Sprintf(d.tr("lecteur %d : igc card reader%s y joue une carte d'un autre laboratoire, %s",
					"reader %d: igc card reader%s plays a card of another lab in it, %s"), p.Slot, process(p.PID), shell.ShortPath(programs[i].Home)),
				Remedy: shell.Command("kill", strconv.Itoa(p.PID)) + " && " + d.readerCommand(m)})
			continue
		}
		found = append(found, Finding{State: OK, Message: fmt.Sprintf(d.tr("lecteur %d : %s%s y joue une carte",
			"reader %d: %s%s plays a card in it"), p.Slot, d.orSomeone(p.Name), process(p.PID))})
	}
	if len(found) > 0 {
		return found
	}
	for _, r := range programs {
		found = append(found, d.idleReader(m, r))
	}
	if len(found) > 0 {
		return found
	}
	return []Finding{{State: Note, Unused: true, Message: d.tr("aucune carte n'est jouée dans PC/SC",
		"no card is played in PC/SC"),
		Remedy: d.readerCommand(m)}}
}

// otherLab tells whether a running igc card reader is known to be of another lab.
func (d *diagnosis) otherLab(r vpcd.Program) bool {
	if r.Home == "" {
		return false
	}
	mine, err := os.Stat(d.Home)
	theirs, errTheirs := os.Stat(r.Home)
	return err != nil || errTheirs != nil || !os.SameFile(mine, theirs)
}

// idleReader is what there is to say of an igc card reader that plays no card.
func (d *diagnosis) idleReader(m vpcd.Machine, r vpcd.Program) Finding {
	again := shell.Command("kill", strconv.Itoa(r.PID)) + " && " + d.readerCommand(m)
	switch {
	case d.otherLab(r):
		return Finding{State: Note, Message: fmt.Sprintf(d.tr("igc card reader%s tourne pour un autre laboratoire, %s : les cartes de celui-ci n'y viennent pas",
			"igc card reader%s runs for another lab, %s: the cards of this one do not come into it"), process(r.PID), shell.ShortPath(r.Home)),
			Remedy: again}
	case r.Address != m.Address:
		return Finding{State: Todo, Message: fmt.Sprintf(d.tr("igc card reader%s cherche vpcd en %s, et il est en %s",
			"igc card reader%s looks for vpcd at %s, and it is at %s"), process(r.PID), r.Address, m.Address),
			Remedy: again}
	case m.Elsewhere && !r.Reaches(m):
		return Finding{State: Todo, Message: fmt.Sprintf(d.tr("igc card reader%s ne voit pas vpcd, qui est dans un réseau à part avec pcscd",
			"igc card reader%s does not see vpcd, which is in a network of its own with pcscd"), process(r.PID)),
			Remedy: again}
	}
	if !r.Reaches(m) {
		return Finding{State: Note, Message: fmt.Sprintf(d.tr("igc card reader%s attend vpcd en %s, où rien n'écoute",
			"igc card reader%s waits for vpcd at %s, where nothing listens"),
			process(r.PID), r.Address)}
	}
	return Finding{State: OK, Message: fmt.Sprintf(d.tr("igc card reader%s attend une carte",
		"igc card reader%s waits for a card"), process(r.PID))}
}

// readerCommand is the igc card reader that reaches this machine's vpcd.
func (d *diagnosis) readerCommand(m vpcd.Machine) string {
	args := []string{"card", "reader"}
	if m.Address != vpcd.DefaultAddress {
		args = append(args, "--vpcd", m.Address)
	}
	if len(m.Exposed()) > 0 {
		args = append(args, "--exposed")
	}
	if !m.Elsewhere {
		return d.igc(args...)
	}
	program, _ := os.Executable() // which may not be on root's PATH
	user := []string{"sudo", "nsenter", fmt.Sprintf("--net=/proc/%d/ns/net", m.PID), fmt.Sprintf("--setuid=%d",
		os.Getuid()),
		fmt.Sprintf("--setgid=%d", os.Getgid()), program, "--home", d.Home}
	return shell.Command(append(user, args...)...)
}

// insertedCard is a card in a virtual reader, nil with an error when its folder cannot be read.
type insertedCard struct {
	vcard.Insertion
	card *vcard.Card
	err  error
}

func (d *diagnosis) inserted() (all []insertedCard, err error) {
	list, err := vcard.NewReaders(d.Home).Inserted()
	for _, in := range list {
		card, err := vcard.Read(in.Dir)
		all = append(all, insertedCard{in, card, err})
	}
	return all, err
}

func (d *diagnosis) card(ctx context.Context) (found []Finding) {
	all, err := d.inserted()
	if err != nil {
		return []Finding{{State: Todo, Message: d.say(err),
			Remedy: shell.Command("ls", "-l", filepath.Join(d.Home, "reader"))}}
	}
	for _, in := range all {
		found = append(found, d.oneCard(ctx, in))
	}
	if len(found) > 0 {
		return found
	}
	issued, _ := filepath.Glob(filepath.Join(d.Home, "cards", "[0-9]*")) // a home whose name is a pattern has none
	if len(issued) == 0 {
		return []Finding{{State: Note, Message: d.tr("le laboratoire n'a pas encore de carte",
			"the lab has no card yet"),
			Remedy: d.igc("issue", "--fixture", "alain")}}
	}
	return []Finding{{State: Note, Unused: true,
		Message: fmt.Sprintf(d.tr("aucune dans un lecteur virtuel ; le laboratoire en a %d",
			"none in a virtual reader; the lab has %d"), len(issued)),
		Remedy: d.igc("card", "insert", filepath.Base(issued[0]))}}
}

// oneCard is the worst that is wrong with a card, or that all is whole.
func (d *diagnosis) oneCard(ctx context.Context, in insertedCard) Finding {
	begin := fmt.Sprintf(d.tr("lecteur %d : ", "reader %d: "), in.Reader)
	takeOut := shell.Command("rm", filepath.Join(d.Home, "reader", strconv.Itoa(in.Reader)))
	if errors.Is(in.err, vcard.ErrNotFound) {
		return Finding{State: Todo, Message: fmt.Sprintf(d.tr("%sle dossier de la carte, %s, n'existe plus",
			"%sthe card's folder, %s, is no more"), begin, shell.ShortPath(in.Dir)),
			Remedy: takeOut,
			fix: func(context.Context) error {
				return os.Remove(filepath.Join(d.Home, "reader", strconv.Itoa(in.Reader)))
			}}
	}
	if in.err != nil {
		return Finding{State: Todo, Message: fmt.Sprintf("%s%v", begin, d.detail(in.err)),
			Remedy: takeOut}
	}
	begin += in.card.Number + " (" + in.card.Holder.DisplayName() + ")"
	again := d.igc("card", "remove", in.card.Number) + " && " + d.igc("renew", in.card.Number)
	if missing := missingFiles(in.Dir); len(missing) > 0 {
		return Finding{State: Todo, Message: fmt.Sprintf(d.tr("%s : il manque à son dossier %s",
			"%s: its folder lacks %s"), begin, strings.Join(missing, ", ")),
			Remedy: again}
	}
	soonest := time.Time{}
	for _, c := range in.card.Certificates {
		serial := profiles.SerialHex(c.Serial)
		switch {
		case d.now.Before(c.NotBefore):
			return Finding{State: Todo, Message: fmt.Sprintf(d.tr("%s : %s ne vaut qu'à partir du %s",
				"%s: %s is valid only from %s"), begin, c.Role, c.NotBefore.Format(time.DateOnly)),
				Remedy: again}
		case !d.now.Before(c.NotAfter):
			return Finding{State: Todo, Message: fmt.Sprintf(d.tr("%s : %s a expiré le %s",
				"%s: %s expired on %s"), begin, c.Role, c.NotAfter.Format(time.DateOnly)),
				Remedy: again}
		}
		if soonest.IsZero() || c.NotAfter.Before(soonest) {
			soonest = c.NotAfter
		}
		if d.lacks(records) != "" {
			continue
		}
		switch r, err := d.client.Find(ctx, serial); {
		case ca.KindOf(err) == ca.NotFound:
			return Finding{State: Note, Message: fmt.Sprintf(d.tr("%s : %s %s n'est pas de ce laboratoire",
				"%s: %s %s is not of this lab"), begin, c.Role, serial),
				Remedy: d.igc("card", "remove", in.card.Number)}
		case err != nil:
			return Finding{State: Todo, Message: fmt.Sprintf("%s%s%v", begin, d.tr(" : ", ": "), d.detail(err)),
				Remedy: d.igc("doctor")}
		case r.Status == ca.OnHold:
			return Finding{State: Todo, Message: fmt.Sprintf(d.tr("%s : %s est suspendu depuis le %s",
				"%s: %s has been on hold since %s"), begin, c.Role, r.Revoked.At.Format(time.DateOnly)),
				Remedy: d.igc("unhold", "--card", in.card.Number)}
		case r.Status == ca.Revoked:
			return Finding{State: Todo, Message: fmt.Sprintf(d.tr("%s : %s est révoqué depuis le %s (%s)",
				"%s: %s has been revoked since %s (%s)"), begin, c.Role, r.Revoked.At.Format(time.DateOnly), r.Revoked.Reason),
				Remedy: again}
		}
	}
	return Finding{State: OK, Message: fmt.Sprintf(d.tr("%s, complète, bonne encore %s",
		"%s, complete, good for %s"), begin, d.remaining(soonest.Sub(d.now)))}
}

// missingFiles are those that card.json names and the folder does not have.
func missingFiles(dir string) (missing []string) {
	file, err := folder.Read(dir)
	if err != nil {
		return []string{folder.FileName}
	}
	names := []string{"chain.pem"}
	for _, c := range file.Certificates {
		names = append(names, c.Files()...)
	}
	for _, name := range names {
		if !readable(filepath.Join(dir, name)) {
			missing = append(missing, name)
		}
	}
	return missing
}

// pin looks at the cards in a reader, and at all that were ever opened: only those have fewer tries
// than they were made with.
func (d *diagnosis) pin(context.Context) (found []Finding) {
	inserted, _ := d.inserted()
	var cards []*vcard.Card
	for _, in := range inserted {
		if in.err == nil {
			cards = append(cards, in.card)
		}
	}
	opened, _ := filepath.Glob(filepath.Join(d.Home, "cards", "*", "state.json"))
	for _, file := range opened {
		card, err := vcard.Read(filepath.Dir(file))
		if err == nil && !slices.ContainsFunc(cards, func(c *vcard.Card) bool { return c.Dir == card.Dir }) {
			cards = append(cards, card)
		}
	}
	var whole []string
	for _, c := range cards {
		status, err := c.Status()
		switch {
		case errors.Is(err, fs.ErrPermission):
			found = append(found, Finding{State: Todo, Message: fmt.Sprintf("%s%s%v", c.Number, d.tr(" : ", ": "),
				d.detail(err)),
				Remedy: shell.Command("ls", "-l", c.Dir)})
		case err != nil:
			found = append(found, Finding{State: Todo, Message: fmt.Sprintf("%s%s%v", c.Number, d.tr(" : ", ": "),
				d.detail(err)),
				Remedy: shell.Command("rm", filepath.Join(c.Dir, "state.json"))})
		case status.TriesLeft == 0 && status.UnblockingsLeft == 0:
			found = append(found, Finding{State: Note,
				Message: fmt.Sprintf(d.tr("%s est perdue : trop de codes de déblocage erronés",
					"%s is lost: too many wrong unblocking codes"), c.Number),
				Remedy: d.igc("renew", c.Number)})
		case status.TriesLeft == 0:
			found = append(found, Finding{State: Todo,
				Message: fmt.Sprintf(d.tr("%s est bloquée : 3 codes porteur erronés ; essais du code de déblocage : %d",
					"%s is blocked: 3 wrong PINs; tries of the unblocking code: %d"),
					c.Number, status.UnblockingsLeft),
				Remedy: d.igc("card", "unblock", c.Number)})
		case status.TriesLeft < vcard.Tries:
			found = append(found, Finding{State: Note,
				Message: fmt.Sprintf(d.tr("%s : essais restants : %d sur %d ; le bon code les rend tous",
					"%s: %d of %d tries left; the right PIN gives them back"), c.Number, status.TriesLeft, vcard.Tries)})
		default:
			whole = append(whole, c.Number)
		}
	}
	switch {
	case len(found) > 0:
		return found
	case len(whole) == 0:
		return []Finding{{State: OK, Message: d.tr("aucune carte n'a encore été ouverte", "no card was opened yet")}}
	case len(whole) > 3:
		return []Finding{{State: OK, Message: fmt.Sprintf(d.tr("%d cartes : %d essais chacune",
			"%d cards: %d tries each"), len(whole), vcard.Tries)}}
	}
	return []Finding{{State: OK, Message: fmt.Sprintf(d.tr("%s : %d essais",
		"%s: %d tries"), strings.Join(whole, ", "), vcard.Tries)}}
}
