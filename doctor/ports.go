package doctor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/igc-lab/igc/internal/shell"
	"github.com/igc-lab/igc/internal/sockets"
	"github.com/igc-lab/igc/lab"
)

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
