// Package damage damages and loses the records of labs, and looks at what commands and igc recover
// make of it. It holds tests only.
package damage
