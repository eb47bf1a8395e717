//go:build !linux

package doctor

// These are not known here.

func writable(string) error           { return nil }
func freeSpace(string) (uint64, bool) { return 0, false }
func synchronised() (bool, bool)      { return false, false }
