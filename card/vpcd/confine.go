package vpcd

import "os"

// ConfineCommand is the command that keeps pcscd's ports to this machine: a filter of its systemd
// service, or, without systemd, a network of its own, in which igc card reader has to run too (igc
// doctor says how).
func ConfineCommand() string {
	if _, err := os.Stat("/run/systemd/system"); err != nil {
		return "sudo unshare --net sh -c 'ip link set lo up && exec pcscd --foreground'"
	}
	const dir = "/etc/systemd/system/pcscd.service.d"
	return "sudo mkdir -p " + dir + ` && printf '[Service]\nIPAddressDeny=any\nIPAddressAllow=localhost\n' | sudo tee ` + dir +
		"/localhost.conf && sudo systemctl daemon-reload && sudo systemctl restart pcscd"
}
