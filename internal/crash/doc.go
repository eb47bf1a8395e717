// Package crash kills igc at random moments and looks at what is left.
// It holds tests only.
package crash
