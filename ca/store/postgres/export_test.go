package postgres

import "time"

// SetPatience sets how long a write is tried again; the function that it returns sets it back.
func SetPatience(d time.Duration) (back func()) {
	former := patience
	patience = d
	return func() { patience = former }
}

// SetIdleLimit sets how long a writer may stand still; the function that it returns sets it back.
func SetIdleLimit(d time.Duration) (back func()) {
	former := idleLimit
	idleLimit = d
	return func() { idleLimit = former }
}
