package doctor

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/igc-lab/igc/card/install"
	"github.com/igc-lab/igc/internal/shell"
)

// This file is what igc doctor looks at of the PKCS#11 module of virtual cards, and of the software
// that it was installed in.

// moduleSource is the module that igc card install takes, or, where none was built beside igc, the
// one that it installed.
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
