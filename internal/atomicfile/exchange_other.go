//go:build !linux

package atomicfile

// Exchange gives each of two folders the other's name. There is a short moment in which neither is
// there.
func Exchange(a, b string) error { return exchangeInSteps(a, b) }
