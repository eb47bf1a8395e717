// Package script tests the command igc as its users type it: each file of testdata reads like a
// terminal. It holds tests only.
package script
