package doctor

import "golang.org/x/sys/unix"

// writable asks whether this user may write in a folder, without writing.
func writable(dir string) error { return unix.Access(dir, unix.W_OK) }

// freeSpace is what the user may write there, in bytes.
func freeSpace(dir string) (bytes uint64, known bool) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return 0, false
	}
	return s.Bavail * uint64(s.Bsize), true
}

// synchronised tells what the kernel knows of the clock (adjtimex(2)), which is what timedatectl
// shows.
func synchronised() (is, known bool) {
	state, err := unix.Adjtimex(&unix.Timex{})
	return state != unix.TIME_ERROR, err == nil
}
