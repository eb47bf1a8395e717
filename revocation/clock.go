package revocation

import "time"

// This file is what holds when the clock is moved, forward or back, or the machine was suspended:
// dates are compared with the present one at each look, and no timer runs until a date.

// pollInterval is how often what may be due is looked at. A timer of days would not notice that the
// clock was moved, and stands still while a laptop sleeps.
const pollInterval = time.Minute

// retry is how long what failed is left alone before it is tried again.
const retry = time.Minute

// recent tells whether something was done less than [retry] ago. What was done in the future was
// done by another clock.
func recent(done, now time.Time) bool {
	since := now.Sub(done)
	return since >= 0 && since < retry
}
