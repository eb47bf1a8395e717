package doctor

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/igc-lab/igc/card/vpcd"
	"github.com/igc-lab/igc/internal/shell"
)

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
